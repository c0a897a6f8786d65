#include "cli/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace plyroot::cli {
namespace {

constexpr std::size_t width = 40;
constexpr const char* erase_line = "\r\033[K";

}  // namespace

std::string progress_line(const std::string& what, std::size_t done, std::size_t all) {
  const std::size_t shown = std::min(done, all);
  const std::size_t filled = all == 0 ? 0 : shown * width / all;
  const std::size_t percent = all == 0 ? 0 : shown * 100 / all;
  return fmt::format("{} [{:<{}}] {}% ({} of {})", what, std::string(filled, '#'), width, percent, shown, all);
}

ProgressBar::ProgressBar(std::string what) : what_(std::move(what)), on_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (shown_) std::fputs(erase_line, stderr);
}

void ProgressBar::show(std::size_t done, std::size_t all) {
  if (!on_terminal_ || all == 0) return;
  std::fprintf(stderr, "%s%s", erase_line, progress_line(what_, done, all).c_str());
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace plyroot::cli
