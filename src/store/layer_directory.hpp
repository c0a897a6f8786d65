#pragma once

#include <optional>
#include <string>

namespace plyroot::store {

/// Makes the directory of a layer: NAME/fs, where its files are, and NAME/work for overlayfs. NAME/fs
/// becomes what the root's "/" looks like, so it takes owner, mode, times and extended attributes from
/// the layer below. What a killed command left under that name is removed first: no layer lists it.
/// @param layers the directory of all layers
/// @param below the directory of the layer below, none for base
void make_layer_directory(int layers, const std::string& name, const std::optional<std::string>& below);
/// A directory just made is on the disk when this returns. An upper needs none of it: it is there once what is in it
/// is.
void sync_new_layer_directory(int layers, const std::string& name);

/// @throws Error where a layer's directory is missing or is not what it must be
void require_layer_directory(int layers, const std::string& name);

}  // namespace plyroot::store
