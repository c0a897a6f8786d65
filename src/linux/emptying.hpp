#pragma once

#include <cstddef>
#include <functional>

namespace plyroot::linux_api {

/// How many names have been removed, of how many that there are: called a few times a second.
using RemovalWatch = std::function<void(std::size_t removed, std::size_t all)>;

/// Removes all that is in a directory, however deep, on all processors. Directories found in it are renamed to its top,
/// so it must be one that nothing else looks at, as trash/. Others may do the same at the same time, and a kill leaves
/// what the next call removes.
/// @param watch if given, names are counted first, which takes a part of the time that removing them takes
/// @throws Error of the first thing that could not be removed, after all else was
void empty_directory(int directory, const RemovalWatch& watch = {});

}  // namespace plyroot::linux_api
