#pragma once

#include <string>
#include <vector>

#include "plyroot/store.hpp"

namespace plyroot::store {

/// Renames directories of layers/ into trash/. What cannot be renamed now is found there by the next collection, since
/// no layer lists it: so this never fails.
void move_to_trash(int store_directory, int layers, const std::vector<std::string>& directories) noexcept;

}  // namespace plyroot::store
