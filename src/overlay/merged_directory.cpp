#include "overlay/merged_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/directory_cursor.hpp"
#include "linux/file_copy.hpp"
#include "linux/tree_walk.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::overlay {
namespace {

using linux_api::Descriptor;

constexpr int open_as_directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

std::optional<struct stat> status_of(int directory, const std::string& name) {
  struct stat status {};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  throw_errno(errno, "examine in a layer", linux_api::shown_path(directory, name));
}

/// The directories that overlayfs merges at one place, in all layers that have one there. They go down and up together.
class StackedDirectories {
 public:
  /// @param tops of the layers, the topmost first
  StackedDirectories(std::vector<Descriptor> tops, Marks marks) : marks_(marks) {
    for (Descriptor& top : tops)
      layers_.push_back({linux_api::DirectoryCursor(std::move(top))});
  }

  /// The topmost first.
  [[nodiscard]] std::vector<int> here() const {
    std::vector<int> directories;
    for (const Layer& layer : layers_) {
      if (layer.levels_without == 0) directories.push_back(layer.cursor.get());
    }
    return directories;
  }

  /// Goes into what is merged under a name: down to an opaque one, or to anything else of that name.
  /// @returns whether there was such a thing, which hides what lies further down
  bool enter(const std::string& name) {
    bool is_closed = false;
    for (Layer& layer : layers_) {
      if (layer.levels_without > 0 || is_closed) {
        ++layer.levels_without;
        continue;
      }
      const auto status = status_of(layer.cursor.get(), name);
      if (status && S_ISDIR(status->st_mode) && layer.cursor.enter(name)) {
        is_closed = is_opaque(layer.cursor.get(), marks_);
      } else {
        ++layer.levels_without;
        is_closed = status.has_value();
      }
    }
    return is_closed;
  }

  void leave() {
    for (Layer& layer : layers_) {
      if (layer.levels_without > 0) {
        --layer.levels_without;
      } else {
        layer.cursor.leave_what_stays();
      }
    }
  }

 private:
  struct Layer {
    linux_api::DirectoryCursor cursor;  ///< where it was last seen in the stack
    std::size_t levels_without = 0;     ///< how many directories further down the others are
  };
  std::vector<Layer> layers_;
  Marks marks_;
};

/// What the layers below those that are merged have. They are opened, and followed to a place, where somebody asks for
/// it: few directories have whiteouts.
class LayersBelow {
 public:
  LayersBelow(OpenLayers open, Marks marks) : open_(std::move(open)), marks_(marks) {}

  /// @param place the names that lead there; of one that was asked about before, a beginning is the same still, or
  ///   leave() was told
  bool have_directory(const std::vector<std::string>& place) {
    if (!stack_) stack_.emplace(open_(), marks_);
    while (depth_ < place.size())
      stack_->enter(place[depth_++]);
    return !stack_->here().empty();
  }
  /// The place of this depth is being left.
  void leave(std::size_t depth) {
    if (depth_ < depth) return;
    stack_->leave();
    --depth_;
  }

 private:
  OpenLayers open_;
  Marks marks_;
  std::optional<StackedDirectories> stack_;
  std::size_t depth_ = 0;
};

std::vector<std::string> names_in(const std::vector<int>& directories) {
  std::set<std::string> names;
  for (const int directory : directories) {
    for (std::string& name : linux_api::list_names(directory))
      names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

std::vector<Descriptor> reopened(const std::vector<int>& directories) {
  std::vector<Descriptor> opened;
  for (const int directory : directories)
    opened.push_back(linux_api::open_at(directory, ".", open_as_directory));
  return opened;
}

class Merger {
 public:
  Merger(const std::vector<int>& layers, const OpenLayers& open_below, int target, Sharing sharing, Marks marks)
      : layers_(reopened(layers), marks),
        below_(open_below, marks),
        top_(target),
        target_(linux_api::open_at(target, ".", open_as_directory)),
        sharing_(sharing),
        marks_(marks) {}

  void merge_all() {
    levels_.push_back({names_in(layers_.here()), false, true});
    for (;;) {
      Level& level = levels_.back();
      if (level.next < level.names.size()) {
        const std::string name = level.names[level.next++];  // levels_ grows meanwhile
        merge(name);
      } else if (levels_.size() > 1) {
        finish_directory();
      } else {
        copy_attributes(layers_.here().front(), target_.get());
        return;
      }
    }
  }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  /// A directory that is being filled.
  struct Level {
    std::vector<std::string> names;
    bool is_closed;   ///< what lies further down is hidden
    bool sees_below;  ///< it is shown together with what the layers below have there
    std::size_t next = 0;
  };

  void merge(const std::string& name) {
    const std::vector<int> layers = layers_.here();
    auto layer = layers.begin();
    std::optional<struct stat> status;
    while (!(status = status_of(*layer, name)))
      ++layer;
    if (S_ISDIR(status->st_mode)) {
      make_directory(name);
    } else if (is_whiteout(*status)) {
      if (levels_.back().sees_below && below_.have_directory(place_)) link(*layer, name);
    } else {
      share(*layer, name, *status);
    }
  }

  void make_directory(const std::string& name) {
    if (mkdirat(target_.get(), name.c_str(), 0700) < 0)
      throw_errno(errno, "make the merged directory", linux_api::shown_path(target_.get(), name));
    ++made_;
    if (!target_.enter(name))
      throw_errno(ENOENT, "open the merged directory", linux_api::shown_path(target_.get(), name));
    place_.push_back(name);
    const bool is_closed = layers_.enter(name);
    levels_.push_back({names_in(layers_.here()), is_closed, levels_.back().sees_below && !is_closed});
  }

  void finish_directory() {
    const Level finished = std::move(levels_.back());
    levels_.pop_back();
    if (finished.is_closed && levels_.back().sees_below && below_.have_directory(place_))
      make_opaque(target_.get(), marks_);
    copy_attributes(layers_.here().front(), target_.get());  // its times last
    below_.leave(place_.size());
    layers_.leave();
    target_.leave_what_stays();
    place_.pop_back();
  }

  void copy_attributes(int from, int to) const {
    const std::string metacopy = std::string(attribute_prefix(marks_)) + "metacopy";
    linux_api::copy_attributes(from, to, [&](std::string_view name) {
      if (name != metacopy) return !is_mark(name, marks_);
      throw Error(
          fmt::format("the layer's file {} has its content in another layer (metacopy), which plyroot does not follow",
                      linux_api::shown_path(from)));
    });
  }

  void share(int layer, const std::string& name, const struct stat& status) {
    const bool is_regular = S_ISREG(status.st_mode);
    if ((!is_regular || sharing_ == Sharing::hard_links) && try_to_link(layer, name)) return;
    if (!is_regular) throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
    if (status.st_nlink > 1) {
      const auto [known, is_first] = first_names_.try_emplace({status.st_dev, status.st_ino}, place_, name);
      if (!is_first && try_to_link_again(known->second, name)) return;
      if (!is_first) known->second = {place_, name};
    }
    copy(layer, name);
  }

  void copy(int layer, const std::string& name) {
    const Descriptor from = linux_api::open_at(layer, name, O_RDONLY | O_NOFOLLOW);
    const Descriptor to = linux_api::open_at(target_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    ++made_;
    if (!linux_api::reflink_content(from.get(), to.get())) linux_api::copy_content(from.get(), to.get());
    copy_attributes(from.get(), to.get());
  }

  void link(int layer, const std::string& name) {
    if (!try_to_link(layer, name)) throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
  }

  /// @returns false where this file takes no more links (errno is kept): too many, or immutable
  bool try_to_link(int layer, const std::string& name) {
    if (linkat(layer, name.c_str(), target_.get(), name.c_str(), 0) == 0) {
      ++made_;
      return true;
    }
    if (errno == EMLINK || errno == EPERM) return false;
    throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
  }

  /// A name that a file has in the target.
  struct MadeName {
    std::vector<std::string> place;
    std::string name;
    MadeName(std::vector<std::string> names, std::string last) : place(std::move(names)), name(std::move(last)) {}
  };

  /// @returns false where the file takes no more links
  bool try_to_link_again(const MadeName& known, const std::string& name) {
    Descriptor directory = linux_api::open_at(top_, ".", open_as_directory);
    for (const std::string& step : known.place)  // step by step: as a path it may be too long
      directory = linux_api::open_at(directory.get(), step, open_as_directory);
    if (linkat(directory.get(), known.name.c_str(), target_.get(), name.c_str(), 0) == 0) {
      ++made_;
      return true;
    }
    if (errno != EMLINK) throw_errno(errno, "link again", linux_api::shown_path(target_.get(), name));
    return false;
  }

  StackedDirectories layers_;
  LayersBelow below_;
  int top_;
  linux_api::DirectoryCursor target_;
  Sharing sharing_;
  Marks marks_;
  std::vector<Level> levels_;                                // the top, and those below it down to where this is
  std::vector<std::string> place_;                           // the names that lead there
  std::map<std::pair<dev_t, ino_t>, MadeName> first_names_;  // of copied files with several names
  std::uint64_t made_ = 0;
};

}  // namespace

Sharing sharing_in(int scratch_directory) {
  constexpr const char* names[] = {"share-from", "share-to"};
  for (const char* name : names) {
    if (unlinkat(scratch_directory, name, 0) < 0 && errno != ENOENT)
      throw_errno(errno, "remove the left-over", linux_api::shown_path(scratch_directory, name));
  }
  const Descriptor from = linux_api::open_at(scratch_directory, names[0], O_RDWR | O_CREAT | O_EXCL, 0600);
  const Descriptor to = linux_api::open_at(scratch_directory, names[1], O_RDWR | O_CREAT | O_EXCL, 0600);
  linux_api::write_all(from.get(), "x");
  const bool shares = linux_api::reflink_content(from.get(), to.get());
  for (const char* name : names)
    unlinkat(scratch_directory, name, 0);
  return shares ? Sharing::reflinks : Sharing::hard_links;
}

std::uint64_t merge_directories(const std::vector<int>& layers, const OpenLayers& open_below, int target,
                                Sharing sharing, Marks marks) {
  Merger merger(layers, open_below, target, sharing, marks);
  merger.merge_all();
  return merger.made();
}

std::uint64_t count_names(int directory) {
  std::uint64_t count = 0;
  linux_api::walk_tree(directory, [&](int, const std::string&, const std::string&) {
    ++count;
    return true;
  });
  return count;
}

}  // namespace plyroot::overlay
