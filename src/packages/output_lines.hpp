#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace plyroot::packages {

/// A program's output, which comes in pieces, taken line by line: without the codes that colour a terminal, and of a
/// line that was overwritten with carriage returns its last form.
class OutputLines {
 public:
  using Handler = std::function<void(std::string_view line)>;

  /// @param handle called for each line that is not blank
  explicit OutputLines(Handler handle) : handle_(std::move(handle)) {}

  void add(std::string_view piece);
  /// No more comes: a last line without its end is taken too.
  void finish();

  /// The last lines, for a message that says why a program failed.
  [[nodiscard]] std::string tail() const;

 private:
  void take(std::string_view line);

  static constexpr std::size_t tail_length = 40;
  static constexpr std::size_t longest_line = std::size_t{1} << 20U;

  Handler handle_;
  std::string unfinished_;
  std::deque<std::string> tail_;
};

/// A text without the codes that colour a terminal (ECMA-48, select graphic rendition and erase in line).
std::string without_colours(std::string_view text);

}  // namespace plyroot::packages
