#include "linux/directory_cursor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {

DirectoryCursor::DirectoryCursor(Descriptor top) : top_(std::move(top)) {}

DirectoryCursor::Identity DirectoryCursor::identity_of(int directory) {
  struct stat status {};
  if (fstat(directory, &status) < 0) throw_errno(errno, "examine", shown_path(directory));
  return {status.st_dev, status.st_ino};
}

bool DirectoryCursor::enter(const std::string& name) {
  Descriptor entered = open_if_directory(get(), name);
  if (!entered) return false;
  levels_.push_back({name, identity_of(get()), {}});
  here_ = std::move(entered);
  return true;
}

void DirectoryCursor::enter_through_links(const std::string& name) {
  Descriptor entered = open_at(get(), name, O_RDONLY | O_DIRECTORY);
  Descriptor above = levels_.empty() ? duplicate(top_.get()) : std::move(here_);
  levels_.push_back({name, identity_of(above.get()), std::move(above)});
  here_ = std::move(entered);
}

bool DirectoryCursor::has_come_back() const {
  const Identity here = identity_of(get());
  return std::any_of(levels_.begin(), levels_.end(), [&](const Level& level) { return level.above == here; });
}

void DirectoryCursor::leave() {
  Level left = std::move(levels_.back());
  levels_.pop_back();
  if (left.kept_above) {
    here_ = std::move(left.kept_above);
  } else if (!levels_.empty()) {
    Descriptor above = open_if_exists(here_.get(), "..", O_RDONLY | O_DIRECTORY);
    if (above && identity_of(above.get()) == left.above) {
      here_ = std::move(above);
    } else {
      go_down_again(left.above);
    }
  }
}

void DirectoryCursor::leave_what_stays() {
  const std::size_t expected = depth() - 1;
  const std::string name = levels_.back().name;
  leave();
  if (depth() != expected) {
    throw Error(fmt::format("the directory {} was moved while what is in it was being worked on", printable(name)),
                "Run the command again when no other program changes these files.");
  }
}

void DirectoryCursor::go_down_again(const Identity& goal) {
  std::vector<Level> known = std::exchange(levels_, {});
  const auto kept = std::find_if(known.rbegin(), known.rend(), [](const Level& level) { return !!level.kept_above; });
  if (kept != known.rend()) {
    here_ = std::move(kept->kept_above);
    known.erase(kept.base() - 1, known.end());
    levels_ = std::move(known);
    return;
  }
  here_ = {};
  for (std::size_t i = 0; i < known.size(); ++i) {
    const Identity& expected = i + 1 < known.size() ? known[i + 1].above : goal;
    Descriptor entered = open_if_directory(get(), known[i].name);
    if (!entered || identity_of(entered.get()) != expected) break;
    levels_.push_back(std::move(known[i]));
    here_ = std::move(entered);
  }
}

}  // namespace plyroot::linux_api
