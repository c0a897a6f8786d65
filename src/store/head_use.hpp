#pragma once

#include <string>

#include "store/layer_tree.hpp"

namespace plyroot::store {

/// Tells of a head whose upper is listed as unused, and which no note says to be in use (head_file.hpp), whether that
/// upper was mounted all the same: a power cut took the note before it was on the disk, or somebody removed the head's
/// file. overlayfs puts something into an upper's work directory with the first mount, before anything else can
/// get into the upper; a journal keeps that order. What is in it then counts as not on the disk since the boot that
/// listed it. Nothing in it is nothing that could be lost.
/// @param upper_directory its name in `layers`; it may be missing
void look_for_use(int layers, const std::string& upper_directory, Head& head);

}  // namespace plyroot::store
