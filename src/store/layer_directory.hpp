#pragma once

#include <optional>
#include <string>

#include "store/layer_tree.hpp"

namespace plyroot::store {

/// Makes the directory of a new layer: NAME/fs, where its files are, and NAME/work for overlayfs. NAME/fs
/// becomes what the root's "/" looks like, so it takes owner, mode, times and extended attributes from
/// the layer below.
/// @param layers the directory of all layers
/// @param id the layer's. A transaction that ends without a commit gives it back, and a session that was being set up
///   then may still mount what was made: so the name has something random behind it
/// @param below the directory of the layer below, none for base
/// @returns its name
std::string make_layer_directory(int layers, LayerId id, const std::optional<std::string>& below);
/// A directory just made is on the disk when this returns. An upper needs none of it: it is there once what is in it
/// is.
void sync_new_layer_directory(int layers, const std::string& name);

/// @throws Error where a layer's directory is missing or is not what it must be
void require_layer_directory(int layers, const std::string& name);

}  // namespace plyroot::store
