#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plyroot/names.hpp"
#include "store/database.hpp"

namespace plyroot::store {

using LayerId = std::int64_t;

struct Layer {
  LayerId id = 0;
  std::string directory;  ///< its name in layers/
  std::optional<LayerId> parent;
  bool committed = false;
};

struct Head {
  LayerId current = 0;
  std::optional<LayerId> upper;
  /// Nobody has mounted the upper yet: it shows nothing, and its directory may not be there. Listed so, it may be used
  /// in the boot that listed it without a change of the rows.
  bool upper_is_unused = false;
  std::optional<std::string> unsynced_since_boot;  ///< what is in the upper may be lost if the machine's power is
  std::int64_t retired_before_mount = 0;           ///< last_retired() when it was mounted last

  bool operator==(const Head&) const = default;
};

/// A head without an upper.
Head head_on(LayerId current);
/// A head with an upper that nobody has used, which this lists.
Head head_with_new_upper(const Database& database, LayerId current);

/// The rows of the store's database as layers, refs and heads. Each function is one or a few statements and belongs
/// into its caller's transaction.

Layer read_layer(const Database& database, LayerId id);
LayerId base_of(const Database& database);
LayerId add_layer(const Database& database, const std::string& directory, std::optional<LayerId> parent,
                  bool committed);
/// The directories that show a layer and all below it, the topmost first: its own, or a cover's in place of several.
/// Base only where there is nothing else.
std::vector<std::string> chain_of(const Database& database, LayerId top);

/// The layer is mounted from its own directory again. The cover's is garbage once nobody has it mounted.
void drop_cover(const Database& database, LayerId layer);

/// The sequence of the directory that was retired last; 0 where none ever was.
std::int64_t last_retired(const Database& database);

std::optional<LayerId> find_ref(const Database& database, const SnapshotName& name);
/// What the snapshot was made from. Nothing where there is no such snapshot.
std::optional<std::string> find_origin(const Database& database, const std::string& name);
void add_ref(const Database& database, const SnapshotName& name, LayerId layer, const std::string& origin);

std::optional<Head> find_head(const Database& database, const HeadName& name);
/// The head as it stands; a head that nobody has used yet stands where the main head stands.
Head read_head(const Database& database, const HeadName& name);
void write_head(const Database& database, const HeadName& name, const Head& head);

/// Deletes the layer's row if nothing reaches it any more, and likewise its ancestors that only it reached.
/// @returns the directories that are garbage once the transaction is committed
std::vector<std::string> delete_unreachable(const Database& database, LayerId from);

}  // namespace plyroot::store
