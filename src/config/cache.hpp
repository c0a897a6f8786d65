#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/evaluator.hpp"

namespace plyroot::config {

/// What the text of an entry begins with.
inline constexpr std::string_view cache_magic = "plyroot config\n3";

/// Evaluated configurations, one file each, in a directory that belongs to root and that nobody else can enter or write
/// to. A directory or a file of which that is not true is never read.
class Cache {
 public:
  explicit Cache(std::string directory) : directory_(std::move(directory)) {}

  /// What was kept for a key, if all that it depends on is as it was; else nothing.
  /// @param why set to the reason for -v where there is nothing
  [[nodiscard]] std::unique_ptr<Answer> find(std::string_view key, const VariableLookup& variable,
                                             std::string& why) const;

  /// Keeps an answer, and forgets the oldest when there are many. Makes the directory if need be.
  /// @throws Error where it cannot be written; nothing is damaged then
  void keep(std::string_view key, const Answer& answer) const;

 private:
  std::string directory_;
};

}  // namespace plyroot::config
