#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"
#include "plyroot/store.hpp"
#include "store/database.hpp"
#include "store/database_file.hpp"
#include "store/head_view.hpp"
#include "store/list_view.hpp"

namespace plyroot {

/// What an open store holds on to.
struct Store::State {
  /// @param connection nothing where it is to be opened when it is first needed
  State(StoreLocation where, linux_api::Descriptor store_directory, store::DatabaseFile database_file,
        std::optional<store::Database> connection);

  [[nodiscard]] const store::Database& database() const;

  /// What the database says of a head now; with it what the snapshots were made from that were asked about before.
  /// Until the next call, or the next change.
  [[nodiscard]] const store::HeadView& view_of(const HeadName& head);
  /// Keeps that, and what origin_of() has said since, for commands to come.
  void keep_view_of(const HeadName& head);
  [[nodiscard]] store::ListView list_of(const HeadName& head) const;
  /// Keep them anew where they have been kept before, and have changed since.
  void renew_view_of(const HeadName& head);
  void renew_list_of(const HeadName& head) const;
  /// Commits a transaction.
  /// @param change what it does to list_of(head): kept for commands to come, which would else read the database
  void commit(store::Transaction& transaction, const HeadName& head, const store::ListChange& change = {}) const;
  [[nodiscard]] std::optional<std::string> origin_of(const SnapshotName& name);

  StoreLocation location;
  linux_api::Descriptor directory;  ///< BASE_DIR/ROOT
  linux_api::Descriptor layers;     ///< BASE_DIR/ROOT/layers
  linux_api::Descriptor heads;      ///< BASE_DIR/ROOT/heads, where it was there when the store was opened

  /// What prepare_upper() has noted, and commit_preparation() puts on the disk.
  struct Preparation {
    std::optional<store::Transaction> transaction;
    std::vector<std::string> garbage;  ///< directories that no layer lists any more when it is committed
    linux_api::Descriptor head_file;   ///< where there is a note in it, and no transaction
    bool note_may_wait = false;        ///< until something of the session's is to outlast it
    HeadName head = HeadName::main();
  };

 private:
  struct Known {
    HeadName head;
    store::DatabaseStamp stamp;
    store::HeadView view;
    bool is_kept = false;
  };
  [[nodiscard]] Known read_view(const HeadName& head) const;
  /// Asks the database, and keeps what it says.
  store::ListView ask_for_list(const HeadName& head) const;

  store::DatabaseFile file_;                           // closed after the connection
  mutable std::optional<store::Database> connection_;  // opened when it is first needed
  std::optional<Known> known_;

 public:
  linux_api::Descriptor file_of_note;        ///< a head's, whose note is to be put on the disk
  std::unique_ptr<Preparation> preparation;  // its transaction ends before the connection does
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
