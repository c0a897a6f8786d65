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

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/file_copy.hpp"
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

/// The directories that overlayfs merges at one place, the topmost first.
struct Stack {
  std::vector<Descriptor> directories;
  bool is_closed = false;  ///< what lies further down is hidden
};

/// What is merged into one directory: down to an opaque one, or to anything else of that name.
Stack stack_at(const std::vector<int>& layers, const std::string& name, Marks marks) {
  Stack stack;
  for (const int layer : layers) {
    const auto status = status_of(layer, name);
    if (!status) continue;
    if (S_ISDIR(status->st_mode)) {
      stack.directories.push_back(linux_api::open_at(layer, name, open_as_directory));
      if (!is_opaque(stack.directories.back().get(), marks)) continue;
    }
    stack.is_closed = true;
    break;
  }
  return stack;
}

std::vector<int> numbers_of(const std::vector<Descriptor>& descriptors) {
  std::vector<int> numbers;
  for (const Descriptor& descriptor : descriptors)
    numbers.push_back(descriptor.get());
  return numbers;
}

/// The directories that the layers below show at one place. They are opened where somebody asks for them: few
/// directories have whiteouts.
class Below {
 public:
  explicit Below(OpenLayers open) : open_(std::move(open)) {}

  const std::vector<Descriptor>& directories() const {
    if (!opened_) opened_ = open_();
    return *opened_;
  }
  [[nodiscard]] Below at(const std::string& name, Marks marks) const {
    return Below([this, name, marks] { return stack_at(numbers_of(directories()), name, marks).directories; });
  }
  [[nodiscard]] bool has_directory() const { return !directories().empty(); }

 private:
  OpenLayers open_;
  mutable std::optional<std::vector<Descriptor>> opened_;
};

std::set<std::string> names_in(const std::vector<int>& directories) {
  std::set<std::string> names;
  for (const int directory : directories) {
    for (std::string& name : linux_api::list_names(directory))
      names.insert(std::move(name));
  }
  return names;
}

class Merger {
 public:
  Merger(int top, Sharing sharing, Marks marks) : top_(top), sharing_(sharing), marks_(marks) {}

  void merge_all(const std::vector<int>& layers, const Below& below) {
    merge(layers, below, top_, "");
    copy_attributes(layers.front(), top_);
  }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  /// @param path of the target, within the topmost one
  void merge(const std::vector<int>& layers, const Below& below, int target, const std::string& path) {
    for (const std::string& name : names_in(layers)) {
      std::size_t level = 0;
      std::optional<struct stat> status;
      while (!(status = status_of(layers[level], name)))
        ++level;
      if (S_ISDIR(status->st_mode)) {
        const Stack stack = stack_at({layers.begin() + static_cast<std::ptrdiff_t>(level), layers.end()}, name, marks_);
        make_directory(stack, below.at(name, marks_), target, name, path + name);
      } else if (is_whiteout(*status)) {
        if (below.has_directory()) link(layers[level], name, target);
      } else {
        share(layers[level], name, *status, target, path + name);
      }
    }
  }

  void make_directory(const Stack& stack, const Below& below, int target, const std::string& name,
                      const std::string& path) {
    if (mkdirat(target, name.c_str(), 0700) < 0)
      throw_errno(errno, "make the merged directory", linux_api::shown_path(target, name));
    ++made_;
    const Descriptor directory = linux_api::open_at(target, name, open_as_directory);
    const std::vector<int> layers = numbers_of(stack.directories);
    const Below nothing([] { return std::vector<Descriptor>(); });
    merge(layers, stack.is_closed ? nothing : below, directory.get(), path + "/");
    if (stack.is_closed && below.has_directory()) make_opaque(directory.get(), marks_);
    copy_attributes(layers.front(), directory.get());  // its times last
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

  void share(int layer, const std::string& name, const struct stat& status, int target, const std::string& path) {
    const bool is_regular = S_ISREG(status.st_mode);
    if ((!is_regular || sharing_ == Sharing::hard_links) && try_to_link(layer, name, target)) return;
    if (!is_regular) throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
    const auto inode = std::pair(status.st_dev, status.st_ino);
    if (status.st_nlink > 1) {
      if (const auto known = first_names_.find(inode); known != first_names_.end()) {
        if (linkat(top_, known->second.c_str(), target, name.c_str(), 0) == 0) {
          ++made_;
          return;
        }
        if (errno != EMLINK) throw_errno(errno, "link again", linux_api::shown_path(target, name));
      }
      first_names_[inode] = path;
    }
    copy(layer, name, target);
  }

  void copy(int layer, const std::string& name, int target) {
    const Descriptor from = linux_api::open_at(layer, name, O_RDONLY | O_NOFOLLOW);
    const Descriptor to = linux_api::open_at(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    ++made_;
    if (!linux_api::reflink_content(from.get(), to.get())) linux_api::copy_content(from.get(), to.get());
    copy_attributes(from.get(), to.get());
  }

  void link(int layer, const std::string& name, int target) {
    if (!try_to_link(layer, name, target)) throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
  }

  /// @returns false where this file takes no more links (errno is kept): too many, or immutable
  bool try_to_link(int layer, const std::string& name, int target) {
    if (linkat(layer, name.c_str(), target, name.c_str(), 0) == 0) {
      ++made_;
      return true;
    }
    if (errno == EMLINK || errno == EPERM) return false;
    throw_errno(errno, "link from a layer", linux_api::shown_path(layer, name));
  }

  int top_;
  Sharing sharing_;
  Marks marks_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;  // of copied files with several names
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
  Merger merger(target, sharing, marks);
  merger.merge_all(layers, Below(open_below));
  return merger.made();
}

std::uint64_t count_names(int directory) {
  std::uint64_t count = 0;
  for (const std::string& name : linux_api::list_names(directory)) {
    ++count;
    const auto status = status_of(directory, name);
    if (status && S_ISDIR(status->st_mode)) {
      count += count_names(linux_api::open_at(directory, name, open_as_directory).get());
    }
  }
  return count;
}

}  // namespace plyroot::overlay
