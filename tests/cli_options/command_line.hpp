#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

/// What plyroot understands of these words after its name.
inline Options parse(std::vector<std::string> words) {
  words.insert(words.begin(), "plyroot");
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

/// The error that these words are refused with; none where they are understood.
inline std::optional<Error> refusal(const std::vector<std::string>& words) {
  try {
    parse(words);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace plyroot::cli
