#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plyroot/store.hpp"

namespace plyroot::store {

enum class Severity {
  note,     ///< worth knowing; nothing is wrong
  garbage,  ///< takes space, and is removed in the background sooner or later
  damage,   ///< something that the store promises does not hold
};

/// One thing that a check found.
struct Finding {
  enum class Kind {
    database,           ///< SQLite's own check is not content, or the database cannot be read
    redo_log,           ///< the log of the last transactions and the database do not fit each other
    view,               ///< a view in heads/ tells of the database's state something that is not so
    layer_tree,         ///< layers do not form a tree whose root is base
    snapshot,           ///< a name of something that is no committed layer
    head,               ///< a head that stands on something it cannot stand on
    missing_directory,  ///< a layer's directory, or a merged one in its place, is not there, or is something else
    base_not_empty,     ///< base holds files
    content,            ///< a whiteout or a mark that overlayfs does not understand, or not as meant
    unreadable,         ///< a layer's files cannot be looked at
    foreign_mark,       ///< marks of the kind user.overlay, which are ignored
    open_to_others,     ///< the store's directory lets others than its owner in
    unsynced_upper,     ///< written before the machine was restarted, and not on the disk: dropped at the next use
    unused_layer,       ///< a layer that nothing reaches
    unlisted,           ///< something in layers/ that no layer lists
    trash,              ///< something in trash/
    staged,             ///< something in staging/: being made by a merge, or left by one that was killed
    not_taken_over,     ///< mock's overlayfs plugin made it; plyroot takes it over at its first use
  };

  Kind kind;
  Severity severity;
  std::string subject;                     ///< a snapshot's or head's name, or a path within the store
  std::string text;                        ///< a sentence for people
  std::optional<std::int64_t> layer = {};  ///< the layer's id, where it is about one
};

/// The word for a kind in --json: "missing-directory".
std::string_view kind_name(Finding::Kind kind);
std::string_view severity_name(Severity severity);

/// Names, by whether all layers that they need are there and well. The main head is "".
struct Reach {
  std::vector<std::string> affected;
  std::vector<std::string> unaffected;
};

struct CheckReport {
  std::vector<Finding> findings;
  bool knows_names = true;  ///< else the database could not say what there is: snapshots and heads are empty
  Reach snapshots;
  Reach heads;
  std::vector<std::int64_t> damaged_covers;  ///< layers in whose place a merged directory is mounted that is not well
  std::size_t layers = 0;                    ///< that the database lists
  std::size_t files = 0;                     ///< that were looked at

  /// No damage; garbage may be there.
  [[nodiscard]] bool is_well() const;
  /// The database, or what it lists, does not make sense: then views cannot be compared with it.
  [[nodiscard]] bool has_damaged_rows() const;
};

/// Looks at everything that a store keeps, and changes nothing (but that SQLite ends what a killed command has begun).
/// Sessions and other commands may go on meanwhile. Damage is found, not thrown.
/// @throws Error where the store's directory cannot be read at all
CheckReport check(const StoreLocation& location);

/// Does what a check's findings ask for and needs no guessing: garbage is collected, layers that nothing reaches are
/// dropped, views that are not true are removed, a work directory that is missing is made again, a merged directory
/// that is missing is done without, others than the owner are kept out. Makes up no content.
/// @returns a line for each thing that was done, or that was tried in vain
std::vector<std::string> repair(const StoreLocation& location, const CheckReport& report);

}  // namespace plyroot::store
