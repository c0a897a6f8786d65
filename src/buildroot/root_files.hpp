#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::buildroot {

/// Files of a build root, which nothing here trusts: every path is resolved from the root's descriptor and within it.
/// Paths are relative to the root, a leading "/" makes no difference. All throw Error that names the path.

/// Makes a directory and those above it that are missing. A link in the path is refused.
void make_directories_in_root(int root, const std::string& path, mode_t mode);

/// Makes an empty file, and the directories above it, unless something is there.
void make_file_in_root(int root, const std::string& path);

/// Writes a file anew: whatever the name stood for (a link, a FIFO) is replaced by a new regular file. Directories
/// above it are made. A link in the path above the last component is followed within the root.
void write_file_in_root(int root, const std::string& path, std::string_view content, mode_t mode = 0644);

/// The content of a regular file, nothing where there is none. Links are followed within the root, but not into what is
/// mounted in it: /proc shows us more than it shows the root.
std::optional<std::string> read_file_in_root(int root, const std::string& path);

bool exists_in_root(int root, const std::string& path);
/// Whether it is a FIFO, a device or a socket, links in the root followed: a program that reads it may wait, or read,
/// without an end.
bool is_special_in_root(int root, const std::string& path);

/// Removes a file or a tree, if it is there.
void remove_in_root(int root, const std::string& path);

/// Gives a file or directory, and all below it if recursive, to an owner. Links themselves are changed, never followed.
void change_owner_in_root(int root, const std::string& path, uid_t uid, gid_t gid, bool recursive);

/// The directory that holds the last component of a path, opened within the root, and that component's name.
struct PathInRoot {
  linux_api::Descriptor directory;
  std::string name;
};
/// @param make_directories whether missing ones are made
PathInRoot locate_in_root(int root, const std::string& path, bool make_directories);

/// The paths within the root that match a pattern of glob(7): '*', '?' and '[...]' in each component. Sorted. Links are
/// followed within the root.
std::vector<std::string> glob_in_root(int root, const std::string& pattern);

}  // namespace plyroot::buildroot
