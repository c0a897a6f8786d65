#pragma once

#include <string>
#include <vector>

namespace plyroot::buildroot {

/// Files that are opened for writing once, so that they lie in the overlay's upper before any program opens them.
/// Otherwise a program that holds such a file open for reading does not see what is written to it through another
/// descriptor: the first reads the lower's file, the second writes the upper's copy ("Non-standard behavior" in the
/// kernel's Documentation/filesystems/overlayfs.rst). rpm does so with its database.

/// Touches the regular files that match the patterns (glob_in_root). Links are followed within the root, never out of
/// it; what nobody can write to now, as a program that runs, is left alone.
/// @throws SystemError that names the file, where the disk is full, say
void touch_files(int root, const std::vector<std::string>& patterns);

/// Touches the rpm database wherever the root keeps it.
void touch_rpm_database(int root);

}  // namespace plyroot::buildroot
