#pragma once

#include <optional>
#include <string>

#include "store/layer_tree.hpp"

namespace plyroot::store {

/// The name of base's directory. Only what makes a store's database makes it.
inline constexpr const char* base_directory_name = "1";

/// A name for a new layer's directory. A transaction that ends without a commit gives the layer's id back, and a
/// session that was being set up then may still mount what was made under this name: so there is something random in
/// it.
std::string new_directory_name(LayerId id);

/// Makes base's directory, which is on the disk when this returns. What a killed command left under that name is
/// removed first: no layer lists it.
/// @param layers the directory of all layers, here and below
void make_base_directory(int layers);
/// Makes the directory of an upper that is listed, and that nobody has used, where it is not there yet: NAME/fs, where
/// its files are, and NAME/work for overlayfs. NAME/fs becomes what the root's "/" looks like, so it takes owner, mode,
/// times and extended attributes from the layer below. What a killed command or a power cut has left of it stays, and
/// is made whole. It is not synced: it is there once what is in it is.
/// @param below the directory of the layer below
/// @throws Error as require_layer_directory() where that is missing
void make_upper_directory(int layers, const std::string& name, const std::string& below);

/// @throws Error where a layer's directory is missing or is not what it must be
void require_layer_directory(int layers, const std::string& name);

}  // namespace plyroot::store
