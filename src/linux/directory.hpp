#pragma once

#include <dirent.h>

#include <cstdint>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// Makes a directory and those above it that are missing. @returns whether it made any.
/// @throws SystemError that names the directory that could not be made
bool make_directories(const std::string& path, mode_t mode = 0755);

/// The names in a directory, without "." and "..", in no order.
std::vector<std::string> list_names(int directory);
/// A name, and what the listing tells of it.
struct DirectoryEntry {
  std::string name;
  bool may_be_directory;  ///< some file systems do not tell in the listing
};
std::vector<DirectoryEntry> list_entries(int directory);
bool is_empty_directory(int directory);

/// Removes what a name in a directory stands for, a whole tree where it is a directory. Stays on the file system it
/// began on, crosses no mount, follows no link, and removes files' attributes that would stop it (immutable) not: such
/// files are an error. What vanishes meanwhile is none, and what appears meanwhile goes too.
/// @throws SystemError
void remove_tree(int directory, const std::string& name);
[[noreturn]] void refuse_to_remove_mount(const std::string& name);

/// renameat2(2) without replacing. @throws SystemError
void rename_at(int old_directory, const std::string& old_name, int new_directory, const std::string& new_name);

}  // namespace plyroot::linux_api
