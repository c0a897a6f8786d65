#pragma once

#include <functional>
#include <string_view>

namespace plyroot::linux_api {

/// Lets an empty file share the content of another one of the same file system (FICLONE, ioctl_ficlonerange(2)).
/// @returns false where the file system does not do that @throws SystemError
bool reflink_content(int from, int to);

/// Copies the content of a regular file into an empty one; holes stay holes where the file system knows them.
/// @throws SystemError
void copy_content(int from, int to);

/// Gives a file or directory the owner, mode, extended attributes and times of another one.
/// @param takes which extended attributes, by their names
/// @throws SystemError
void copy_attributes(int from, int to, const std::function<bool(std::string_view)>& takes);

}  // namespace plyroot::linux_api
