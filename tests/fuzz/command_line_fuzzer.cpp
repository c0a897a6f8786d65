// Command lines: words with a zero after each but the last.

#include <algorithm>
#include <optional>

#include "cli/options.hpp"
#include "fuzz.hpp"
#include "support/text.hpp"

namespace {

using namespace plyroot;

std::optional<cli::Options> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "plyroot");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  try {
    return cli::parse_options(static_cast<int>(words.size()), argv.data());
  } catch (const Error& error) {
    fuzz::require(error.exit_code() == ExitCode::usage || error.exit_code() == ExitCode::missing_argument,
                  "a command line that is refused is the user's mistake");
    fuzz::require(printable_lines(error.what()) == error.what(), "a message can be shown");
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> words = split(fuzz::text_of(data, size), '\0');
  const auto options = parse(words);
  if (options) {
    for (const std::string& argument : options->arguments)
      fuzz::require(std::find(words.begin(), words.end(), argument) != words.end(), "an argument was given");
    fuzz::require(options->mode != cli::Mode::scrub || !options->scrub_types.empty(), "a scrub has a type");
  }
  fuzz::require(parse(words) == options, "the same words mean the same again");
  return 0;
}
