#pragma once

#include <string>

#include "model/operation.hpp"

namespace plyroot::test {

/// Carries out an operation on files below `root` (a path). @returns 0, or the errno of the call that failed: nothing
/// has changed then.
int apply_to_files(const std::string& root, const Operation& operation);

/// mv(1) of a directory where rename(2) says EXDEV: what is there is copied with all that it has, then removed.
void move_by_copying(const std::string& from, const std::string& to);

/// A copy with all that a tree has: links among its names, times, owners, extended attributes.
void copy_tree(const std::string& from, const std::string& to);

/// The path that an operation writes to or changes: what overlayfs copies up; empty where it copies up nothing.
/// Links at its end are followed where the operation follows them.
std::string copied_up_by(const std::string& root, const Operation& operation);

}  // namespace plyroot::test
