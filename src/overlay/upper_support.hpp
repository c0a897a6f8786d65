#pragma once

#include <string>

namespace plyroot::overlay {

/// Why the file system of a directory cannot hold an overlay's upper, in words; empty where it can. What overlayfs asks
/// of an upper: extended attributes of the trusted kind, file types in directory entries (d_type), whiteouts, and that
/// it is no overlay itself and no network file system (Documentation/filesystems/overlayfs.rst, "Upper and lower").
/// It tries them in a scratch directory that it makes below `directory` and removes again.
/// @param directory an existing directory, open for reading
/// @throws SystemError where it cannot try
std::string why_no_upper(int directory);

}  // namespace plyroot::overlay
