// Names that users give, and what is shown of them.

#include <algorithm>

#include "fuzz.hpp"
#include "plyroot/names.hpp"
#include "support/text.hpp"

namespace {

bool is_harmless(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '/'; });
}

void require_printable(const std::string& text) {
  using plyroot::fuzz::require;
  require(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "what is shown has no control characters");
  require(plyroot::printable(text, 2 * text.size() + 1) == text, "what is shown once is shown so again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::parse([&] { fuzz::require(is_harmless(SnapshotName(text).text()), "a snapshot's name is harmless"); });
  fuzz::parse([&] { fuzz::require(is_harmless(HeadName(text).text()), "a head's name is harmless"); });
  require_printable(printable(text));
  for (const std::string& line : split(printable_lines(text), '\n')) {
    fuzz::require(printable_lines(line) == line, "lines that are shown once are shown so again");
  }
  fuzz::require(join(split(text, '/'), "/") == text, "what is split can be joined");
  for (const std::string& word : split_words(text))
    fuzz::require(trim(word) == word && !word.empty(), "a word has no blanks around it");
  quote_for_display(split_words(text));
  return 0;
}
