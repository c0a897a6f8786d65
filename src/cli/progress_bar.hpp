#pragma once

#include <cstddef>
#include <string>

namespace plyroot::cli {

/// One line on standard error that shows how far something has come, where that is a terminal; nothing elsewhere. The
/// line is gone when this is.
class ProgressBar {
 public:
  /// @param what is being done ("removing")
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::size_t done, std::size_t all);

 private:
  std::string what_;
  bool on_terminal_;
  bool shown_ = false;
};

/// The line itself: "removing [#####     ] 50% (5 of 10)".
std::string progress_line(const std::string& what, std::size_t done, std::size_t all);

}  // namespace plyroot::cli
