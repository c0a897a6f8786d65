#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "linux/descriptor.hpp"
#include "overlay/marks.hpp"

namespace plyroot::overlay {

/// How a merged directory gets the content of the layers' regular files.
enum class Sharing {
  reflinks,    ///< files of its own that share their blocks: nothing of the layers changes
  hard_links,  ///< the layers' own files: their link counts and ctimes move
};

/// What the file system of a directory can do. Tries it with a file that it makes there and removes again.
/// @throws SystemError
Sharing sharing_in(int scratch_directory);

/// Opens the directories of some layers, the topmost first.
using OpenLayers = std::function<std::vector<linux_api::Descriptor>()>;

/// Fills an empty directory with what overlayfs shows of layers that are stacked on each other, so that it can stand in
/// their place. Of whiteouts and opaque marks those are kept that hide something further below, and no others: a
/// directory that only one layer has is shown by overlayfs as it is, a whiteout in it as a name that cannot be opened.
/// Contents, types, owners, modes, times, extended attributes, holes and hard links within one layer come out as they
/// were. All but regular files is hard-linked in any case; a file that has as many links as its file system allows is
/// copied.
///
/// The layers must not change meanwhile, and stay as they are. Nothing of it is on the disk when this returns.
/// Source: Documentation/filesystems/overlayfs.rst of the kernel, "Merged directories", "whiteouts and opaque
/// directories".
/// @param layers descriptors of their directories, the topmost first
/// @param open_below opens those that lie below these; called once, where it matters what they hold
/// @param target on the same file system
/// @returns how many names the target has, in all its directories
/// @throws Error
std::uint64_t merge_directories(const std::vector<int>& layers, const OpenLayers& open_below, int target,
                                Sharing sharing, Marks marks);

/// How many names a directory and all below it have.
std::uint64_t count_names(int directory);

}  // namespace plyroot::overlay
