#include "plyroot/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot {
namespace {

constexpr std::size_t longest_name = 64;

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

void require_name(std::string_view text, std::string_view what) {
  if (!text.empty() && text.size() <= longest_name && text.front() != '.' && text.front() != '-' &&
      std::all_of(text.begin(), text.end(), is_name_character)) {
    return;
  }
  throw Error(
      fmt::format("Invalid {}: {}", what, text.empty() ? "it is empty" : printable(text)),
      fmt::format("A name has 1 to {} characters: letters, digits, '_', '.' and '-', and begins with none of the "
                  "last two.",
                  longest_name));
}

}  // namespace

SnapshotName::SnapshotName(std::string_view text) : text_(text) {
  require_name(text, "snapshot name");
}

HeadName::HeadName(std::string_view unique_extension) : text_(unique_extension) {
  require_name(unique_extension, "unique extension (--uniqueext)");
}

}  // namespace plyroot
