#pragma once

#include "plyroot/store.hpp"
#include "store/database.hpp"

namespace plyroot::store {

/// What mock's own overlayfs plugin keeps in BASE_DIR/ROOT, as a value: `refs/{.base,.current,.upper,NAME}`, files that
/// hold a layer's UUID, and `layers/UUID/{fs/,parent,immutable}`.
struct MockStore {
  struct MockLayer {
    std::string parent;  ///< empty for base
    bool committed = false;
  };
  struct MockRef {
    std::string name;
    std::string layer;
  };
  std::vector<std::pair<std::string, MockLayer>> layers;  ///< a layer comes after its parent
  std::vector<MockRef> refs;                              ///< in the order they were written
  std::string base;
  std::string current;
  std::string upper;  ///< empty where there is none
};

/// Whether mock's plugin has been at work in this directory, and plyroot not yet.
bool is_mock_store(int store_directory);

/// Reads it, changing nothing. @throws Error that says what is wrong with it
MockStore read_mock_store(int store_directory, const std::string& path);

/// Enters mock's layers and names into the empty tables, the directories staying where they are. Within the caller's
/// transaction. Leaves mock's two lock directories behind, so that mock's plugin refuses what it no longer knows.
void take_over(const MockStore& mock, const Database& database, int store_directory, int layers);

}  // namespace plyroot::store
