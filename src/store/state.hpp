#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"
#include "plyroot/store.hpp"
#include "store/database.hpp"

namespace plyroot {

/// What an open store holds on to.
struct Store::State {
  StoreLocation location;
  linux_api::Descriptor directory;  ///< BASE_DIR/ROOT
  linux_api::Descriptor layers;     ///< BASE_DIR/ROOT/layers
  store::Database database;

  /// What prepare_upper() has noted, and commit_preparation() puts on the disk.
  struct Preparation {
    std::optional<store::Transaction> transaction;
    std::vector<std::string> garbage;  ///< directories that no layer lists any more when it is committed
    linux_api::Descriptor head_file;   ///< where there is a note in it, and no transaction
  };
  std::unique_ptr<Preparation> preparation;
};

}  // namespace plyroot

namespace plyroot::store {

/// Names within BASE_DIR/ROOT.
inline constexpr const char* database_name = "store.db";
inline constexpr const char* layers_name = "layers";
inline constexpr const char* heads_name = "heads";
inline constexpr const char* trash_name = "trash";
inline constexpr const char* staging_name = "staging";  ///< where merged directories are being made

/// Opens a directory of the store, which is made if it is missing; nobody but its owner gets in.
linux_api::Descriptor open_or_make_directory(int parent, const std::string& name);

}  // namespace plyroot::store
