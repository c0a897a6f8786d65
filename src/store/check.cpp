#include "store/check.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "linux/directory.hpp"
#include "linux/file_system.hpp"
#include "store/cached_file.hpp"
#include "store/database.hpp"
#include "store/database_file.hpp"
#include "store/head_file.hpp"
#include "store/head_use.hpp"
#include "store/layer_content.hpp"
#include "store/layer_directory.hpp"
#include "store/layer_tree.hpp"
#include "store/mock_takeover.hpp"
#include "store/redo_log.hpp"
#include "store/schema.hpp"
#include "store/state.hpp"
#include "store/view_check.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

using linux_api::Descriptor;
using Kind = Finding::Kind;

constexpr std::array<std::string_view, 18> kind_names = {
    "database",          "redo-log",       "view",     "layer-tree", "snapshot",     "head",
    "missing-directory", "base-not-empty", "content",  "unreadable", "foreign-mark", "open-to-others",
    "unsynced-upper",    "unused-layer",   "unlisted", "trash",      "staged",       "not-taken-over"};

constexpr std::size_t most_content_faults = 20;  // of one layer; more say nothing new

/// The database's rows, as they stand: they need not make sense.
struct Rows {
  struct Ref {
    std::string name;
    LayerId layer;
  };
  struct NamedHead {
    std::string name;
    Head head;
  };
  struct Cover {
    std::string directory;
    LayerId below;
    std::size_t entries;
  };
  std::map<LayerId, Layer> layers;
  std::map<LayerId, std::size_t> counts;  ///< how many names committed layers had, where they were counted
  std::map<LayerId, Cover> covers;
  std::set<std::string> retired;
  std::vector<Ref> refs;
  std::vector<NamedHead> heads;
};

Rows read_rows(const Database& database) {
  Rows rows;
  Statement layers(database, "SELECT id, directory, parent, committed, entries FROM layers");
  while (layers.step()) {
    rows.layers[layers.integer(0)] = {layers.integer(0), layers.text(1), layers.integer_or_null(2),
                                      layers.integer(3) != 0};
    if (!layers.is_null(4)) rows.counts[layers.integer(0)] = static_cast<std::size_t>(layers.integer(4));
  }
  Statement covers(database, "SELECT layer, directory, below, entries FROM covers");
  while (covers.step())
    rows.covers[covers.integer(0)] = {covers.text(1), covers.integer(2), static_cast<std::size_t>(covers.integer(3))};
  Statement retired(database, "SELECT directory FROM retired");
  while (retired.step())
    rows.retired.insert(retired.text(0));
  Statement refs(database, "SELECT name, layer FROM refs ORDER BY sequence");
  while (refs.step())
    rows.refs.push_back({refs.text(0), refs.integer(1)});
  Statement heads(database,
                  "SELECT name, current, upper, unsynced_since_boot, upper_is_unused FROM heads ORDER BY name");
  while (heads.step()) {
    Head head = head_on(heads.integer(1));
    head.upper = heads.integer_or_null(2);
    if (!heads.is_null(3)) head.unsynced_since_boot = heads.text(3);
    head.upper_is_unused = heads.integer(4) != 0;
    rows.heads.push_back({heads.text(0), head});
  }
  return rows;
}

std::string head_in_words(const std::string& name) {
  return name.empty() ? "the main head" : fmt::format("the head of --uniqueext {}", printable(name));
}

bool is_directory_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

/// Nobody makes, lists or drops layers as long as this lives. A database that nobody can write to needs no lock.
class Standstill {
 public:
  explicit Standstill(const Database& database) {
    if (sqlite3_db_readonly(database.get(), "main") == 1) {
      reading_.emplace(database);
    } else {
      writing_.emplace(database);
    }
  }

 private:
  std::optional<Transaction> writing_;
  std::optional<ReadTransaction> reading_;
};

class Check {
 public:
  explicit Check(const StoreLocation& location) : location_(&location) {}

  CheckReport run() {
    const Descriptor directory = linux_api::open_if_exists(AT_FDCWD, location_->path(), O_RDONLY | O_DIRECTORY);
    if (!directory) return std::move(report_);
    look_at_store_directory(directory.get());
    if (faccessat(directory.get(), database_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
      without_database(directory.get());
      return std::move(report_);
    }
    const std::string path = location_->path() + "/" + database_name;
    std::unique_ptr<CachedFile> file;  // these two are closed after the connection: that would drop its locks
    std::optional<DatabaseFile> stamped;
    report_.knows_names = false;
    try {
      file = cached_file(linux_api::open_path(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      stamped = DatabaseFile::open(directory.get(), path);
      const Database database(path, Database::Mode::existing);
      const SchemaState schema = schema_state(database);
      if (schema == SchemaState::missing) {
        without_database(directory.get());
        return std::move(report_);
      }
      if (schema == SchemaState::older) upgrade_schema(database);
      look_at_database(database, directory.get(), *file, *stamped);
    } catch (const DamagedDatabase& error) {
      add(Kind::database, Severity::damage, database_name, error.what());
    } catch (const UnreadableDatabase& error) {
      add(Kind::unreadable, Severity::damage, database_name, error.what());
    }
    look_at_trash(directory.get());
    look_at_content();
    tell_reach();
    report_.damaged_covers.assign(damaged_covers_.begin(), damaged_covers_.end());
    return std::move(report_);
  }

 private:
  /// A directory below layers/: a layer's own, or the merged one that is mounted for it and some below it.
  struct LayerDirectory {
    std::string name;
    LayerId layer;
    bool is_merged;
  };

  void add(Kind kind, Severity severity, std::string subject, std::string text,
           std::optional<LayerId> layer = std::nullopt) {
    if (severity == Severity::damage && layer) damaged_.insert(*layer);
    report_.findings.push_back({kind, severity, std::move(subject), std::move(text), layer});
  }

  void add_about(const LayerDirectory& directory, Kind kind, Severity severity, std::string subject, std::string text) {
    // The layers that were merged may be well: what is mounted is the merged one.
    if (severity == Severity::damage) (directory.is_merged ? damaged_covers_ : damaged_).insert(directory.layer);
    report_.findings.push_back({kind, severity, std::move(subject), std::move(text), directory.layer});
  }

  void look_at_store_directory(int directory) {
    struct stat status {};
    if (fstat(directory, &status) < 0) throw_errno(errno, "examine", printable(location_->path()));
    if ((status.st_mode & 077) != 0) {
      add(Kind::open_to_others, Severity::note, ".",
          fmt::format("{} lets others than its owner in", printable(location_->path())));
    }
  }

  /// Nothing was made yet, or its making was cut short; or mock's plugin was here.
  void without_database(int directory) {
    report_.knows_names = true;
    if (is_mock_store(directory)) {
      add(Kind::not_taken_over, Severity::note, ".",
          "mock's overlayfs plugin made this store; plyroot takes it over when it is used first");
      return;
    }
    const Descriptor layers = linux_api::open_if_directory(directory, layers_name);
    if (!layers) return;
    for (const std::string& name : linux_api::list_names(layers.get()))
      add_unlisted(name);
    // Base's directory is what a first command that was killed leaves; more can only have had a database.
    const auto is_not_base = [](const Finding& finding) {
      return finding.kind == Kind::unlisted && finding.subject != std::string("layers/") + base_directory_name;
    };
    if (std::any_of(report_.findings.begin(), report_.findings.end(), is_not_base)) {
      add(Kind::database, Severity::damage, database_name,
          "there are layers, but no database that lists them: something else than plyroot removed store.db");
      report_.knows_names = false;
    }
  }

  void add_unlisted(const std::string& name) {
    add(Kind::unlisted, Severity::garbage, fmt::format("{}/{}", layers_name, name),
        fmt::format("layers/{} belongs to no layer", printable(name)));
  }

  void look_at_database(const Database& database, int directory, CachedFile& file, const DatabaseFile& stamped) {
    const Standstill nothing_moves(database);
    schema_state(database);  // the first that is read takes the lock
    look_at_log(database, file);
    Statement integrity(database, "PRAGMA integrity_check");
    while (integrity.step()) {
      if (integrity.text(0) != "ok")
        add(Kind::database, Severity::damage, database_name, "the database is damaged: " + integrity.text(0));
    }
    rows_ = read_rows(database);
    report_.knows_names = true;
    layers_ = linux_api::open_if_directory(directory, layers_name);
    look_for_use_of_heads(directory);
    report_.layers = rows_.layers.size();
    look_at_tree();
    look_at_refs();
    look_at_heads();
    look_for_unused_layers();
    if (!layers_) add(Kind::missing_directory, Severity::damage, layers_name, "the directory layers is missing");
    std::set<std::string> listed = rows_.retired;
    for (const auto& [id, layer] : rows_.layers) {
      listed.insert(layer.directory);
      if (may_be_missing(id) || !has_files({layer.directory, id, false})) continue;
      whole_.push_back(id);
      if (!layer.committed) require_directory({layer.directory, id, false}, "/work");
    }
    for (const auto& [id, cover] : rows_.covers) {
      listed.insert(cover.directory);
      look_at_cover(id, cover);
    }
    // Of rows that make no sense nothing can be asked.
    if (!report_.has_damaged_rows()) look_at_views(database, directory, stamped);
    if (!layers_) return;
    for (const std::string& name : linux_api::list_names(layers_.get())) {
      if (!listed.contains(name)) add_unlisted(name);
    }
  }

  void look_at_log(const Database& database, CachedFile& file) {
    const std::string path = redo_log_path(database.path());
    const std::string name = path.substr(path.find_last_of('/') + 1);
    try {
      auto log = RedoLog::open(path);
      // Where nothing can be written it may not be settled, and is read beside the database.
      if (!log || !log->is_settled(change_counter_of(file))) return;
      for (const std::string& fault : log->faults(file))
        add(Kind::redo_log, Severity::damage, name, fault);
    } catch (const SystemError& error) {
      add(Kind::unreadable, Severity::damage, name, error.what());
    }
  }

  void look_at_views(const Database& database, int directory, const DatabaseFile& file) {
    const Descriptor heads = linux_api::open_if_directory(directory, heads_name);
    const auto stamp = file.settled_stamp();
    if (!heads || !stamp) return;  // no command would believe any
    for (const UntrueView& view : untrue_views(database, *stamp, heads.get())) {
      add(Kind::view, Severity::damage, fmt::format("{}/{}", heads_name, view.file),
          fmt::format("heads/{} does not say what the database says", printable(view.file)));
      if (view.is_mounted_by) heads_with_untrue_views_.insert(view.head.text());
    }
  }

  void look_at_tree() {
    std::size_t bases = 0;
    for (const auto& [id, layer] : rows_.layers) {
      if (!layer.parent) {
        ++bases;
        if (!layer.committed) add(Kind::layer_tree, Severity::damage, std::to_string(id), "base is not committed", id);
      } else if (!rows_.layers.contains(*layer.parent)) {
        add(Kind::layer_tree, Severity::damage, std::to_string(id),
            fmt::format("layer {} stands on layer {}, which is not listed", id, *layer.parent), id);
      } else if (!rows_.layers.at(*layer.parent).committed) {
        add(Kind::layer_tree, Severity::damage, std::to_string(id),
            fmt::format("layer {} stands on layer {}, which is not committed", id, *layer.parent), id);
      }
      if (chain_of_rows(id).empty())
        add(Kind::layer_tree, Severity::damage, std::to_string(id), fmt::format("layer {} stands on itself", id), id);
      if (!is_directory_name(layer.directory)) {
        add(Kind::layer_tree, Severity::damage, std::to_string(id),
            fmt::format("layer {} lists the directory '{}', which is no name", id, printable(layer.directory)), id);
      }
    }
    if (bases != 1) {
      add(Kind::layer_tree, Severity::damage, database_name,
          fmt::format("there are {} layers without a parent; one, base, must be", bases));
    }
  }

  /// A layer and those below it as far as they are listed; nothing where they go round in a circle.
  [[nodiscard]] std::vector<LayerId> chain_of_rows(LayerId top) const {
    std::vector<LayerId> chain;
    for (auto row = rows_.layers.find(top); row != rows_.layers.end(); row = rows_.layers.find(*row->second.parent)) {
      chain.push_back(row->first);
      if (chain.size() > rows_.layers.size()) return {};
      if (!row->second.parent) break;
    }
    return chain;
  }

  void look_at_refs() {
    for (const Rows::Ref& ref : rows_.refs) {
      const auto row = rows_.layers.find(ref.layer);
      if (row == rows_.layers.end()) {
        add(Kind::snapshot, Severity::damage, ref.name,
            fmt::format("the snapshot {} names layer {}, which is not listed", printable(ref.name), ref.layer));
      } else if (!row->second.committed) {
        add(Kind::snapshot, Severity::damage, ref.name,
            fmt::format("the snapshot {} names layer {}, which is still written to", printable(ref.name), ref.layer));
      }
      try {
        const SnapshotName valid(ref.name);
      } catch (const Error& error) {
        add(Kind::snapshot, Severity::damage, ref.name, error.what());
      }
    }
  }

  void look_for_use_of_heads(int directory) {
    for (auto& [name, head] : rows_.heads) {
      if (!name.empty() && !is_directory_name(name)) continue;
      const Descriptor file = linux_api::open_if_exists(
          directory, fmt::format("{}/{}", heads_name, head_file_name(name)), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (file) apply_use_note(file.get(), head);
      const auto upper = rows_.layers.find(head.upper.value_or(0));
      if (layers_ && head.upper_is_unused && upper != rows_.layers.end() && is_directory_name(upper->second.directory))
        look_for_use(layers_.get(), upper->second.directory, head);
    }
  }

  void look_at_heads() {
    const std::string& boot = linux_api::boot_id();
    std::map<LayerId, std::string> owner_of_upper;
    for (const auto& [name, head] : rows_.heads) {
      const auto damage = [&, &in_name = name](const std::string& text) {
        add(Kind::head, Severity::damage, in_name, fmt::format("{} {}", head_in_words(in_name), text));
      };
      const auto current = rows_.layers.find(head.current);
      if (current == rows_.layers.end()) {
        damage(fmt::format("stands on layer {}, which is not listed", head.current));
      } else if (!current->second.committed) {
        damage(fmt::format("stands on layer {}, which is still written to", head.current));
      }
      if (!head.upper) continue;
      const auto upper = rows_.layers.find(*head.upper);
      if (upper == rows_.layers.end()) {
        damage(fmt::format("writes to layer {}, which is not listed", *head.upper));
      } else if (upper->second.committed) {
        damage(fmt::format("writes to layer {}, which is committed", *head.upper));
      }
      if (!owner_of_upper.emplace(*head.upper, name).second) {
        damage(
            fmt::format("writes to layer {}, as {} does", *head.upper, head_in_words(owner_of_upper.at(*head.upper))));
      }
      if (head.unsynced_since_boot && *head.unsynced_since_boot != boot) {
        add(Kind::unsynced_upper, Severity::note, name,
            fmt::format("what was written to {} was not on the disk when the machine was restarted: it is dropped when "
                        "the root is used next",
                        head_in_words(name)),
            head.upper);
      }
    }
    if (std::none_of(rows_.heads.begin(), rows_.heads.end(), [](const auto& head) { return head.name.empty(); }))
      add(Kind::head, Severity::damage, "", "there is no main head");
    for (const auto& [id, layer] : rows_.layers) {
      if (!layer.committed && layer.parent && !owner_of_upper.contains(id))
        add(Kind::layer_tree, Severity::damage, std::to_string(id),
            fmt::format("layer {} is not committed, and no head writes to it", id), id);
    }
  }

  /// An upper that was not on the disk when the machine was restarted, or that nobody has used: its directory may be
  /// there or not, whole or not.
  bool may_be_missing(LayerId layer) const {
    return std::any_of(rows_.heads.begin(), rows_.heads.end(), [&](const Rows::NamedHead& named) {
      const auto& unsynced = named.head.unsynced_since_boot;
      const bool is_lost_by_restart = unsynced && *unsynced != linux_api::boot_id();
      return named.head.upper == layer && (named.head.upper_is_unused || is_lost_by_restart);
    });
  }

  void look_for_unused_layers() {
    // Where the tree is broken it cannot be told what nothing needs.
    const auto of_tree = [](const Finding& finding) { return finding.kind == Kind::layer_tree; };
    if (std::any_of(report_.findings.begin(), report_.findings.end(), of_tree)) return;
    std::set<LayerId> reached;
    const auto reach = [&](LayerId top) {
      for (const LayerId id : chain_of_rows(top))
        reached.insert(id);
    };
    for (const Rows::Ref& ref : rows_.refs)
      reach(ref.layer);
    for (const auto& [name, head] : rows_.heads) {
      reach(head.current);
      if (head.upper) reach(*head.upper);
    }
    for (const auto& [id, layer] : rows_.layers) {
      if (layer.parent && layer.committed && !reached.contains(id))
        add(Kind::unused_layer, Severity::garbage, std::to_string(id),
            fmt::format("no snapshot and no head needs layer {}", id), id);
    }
  }

  bool require_directory(const LayerDirectory& directory, const std::string& name) {
    const std::string path = directory.name + name;
    struct stat status {};
    const bool found = layers_ && is_directory_name(directory.name) &&
                       fstatat(layers_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (found && S_ISDIR(status.st_mode)) return true;
    add_about(
        directory, Kind::missing_directory, Severity::damage, fmt::format("{}/{}", layers_name, path),
        found ? fmt::format("layers/{} is no directory", printable(path))
              : fmt::format("the directory layers/{} of layer {} is missing: something else than plyroot removed it",
                            printable(path), directory.layer));
    return false;
  }

  bool has_files(const LayerDirectory& directory) {
    return require_directory(directory, "") && require_directory(directory, "/fs");
  }

  void look_at_cover(LayerId id, const Rows::Cover& cover) {
    const LayerDirectory merged{cover.directory, id, true};
    const auto chain = chain_of_rows(id);
    const bool stands_in_tree = std::find(chain.begin(), chain.end(), cover.below) > chain.begin() &&
                                std::find(chain.begin(), chain.end(), cover.below) != chain.end();
    if (!stands_in_tree) {
      add_about(merged, Kind::layer_tree, Severity::damage, std::to_string(id),
                fmt::format("layers/{} stands for layer {} down to layer {}, which does not lie below it",
                            printable(cover.directory), id, cover.below));
    }
    if (has_files(merged)) whole_covers_.push_back(id);
  }

  void look_at_trash(int directory) {
    for (const std::string place : {trash_name, staging_name}) {
      const Descriptor opened = linux_api::open_if_directory(directory, place);
      if (!opened) continue;
      for (const std::string& name : linux_api::list_names(opened.get())) {
        add(place == trash_name ? Kind::trash : Kind::staged, Severity::garbage, fmt::format("{}/{}", place, name),
            fmt::format("{}/{} is {}", place, printable(name),
                        place == trash_name ? "still to be removed" : "being made, or was when a merge was killed"));
      }
    }
  }

  /// Takes long, so other commands are not held up: a layer that is dropped meanwhile is left out.
  void look_at_content() {
    for (const LayerId id : whole_) {
      const Layer& layer = rows_.layers.at(id);
      const LayerDirectory own{layer.directory, id, false};
      const auto names = look_at_content(own, [&](int files) {
        if (!layer.parent && !linux_api::is_empty_directory(files))
          add(Kind::base_not_empty, Severity::damage, fmt::format("layers/{}/fs", layer.directory),
              "base, which must be empty, holds files: something else than plyroot wrote them", id);
      });
      const auto counted = rows_.counts.find(id);
      if (counted != rows_.counts.end()) compare_count(own, names, counted->second);
    }
    for (const LayerId id : whole_covers_) {
      const Rows::Cover& cover = rows_.covers.at(id);
      const LayerDirectory merged{cover.directory, id, true};
      compare_count(merged, look_at_content(merged), cover.entries);
    }
  }

  /// @returns how many names it has; nothing where that cannot be known
  std::optional<std::size_t> look_at_content(
      const LayerDirectory& directory, const std::function<void(int)>& first = [](int) {}) {
    try {
      const Descriptor files = linux_api::open_if_directory(layers_.get(), directory.name + "/fs");
      if (!files) return std::nullopt;
      first(files.get());
      std::size_t faults = 0;
      const std::size_t examined = examine_layer_content(files.get(), [&](const ContentFault& fault) {
        if (++faults <= most_content_faults) add_content(directory, fault);
      });
      report_.files += examined;
      if (faults > most_content_faults) {
        add(Kind::content, Severity::note, fmt::format("layers/{}", directory.name),
            fmt::format("{} more like that in layer {}", faults - most_content_faults, directory.layer));
      }
      // What was dropped meanwhile, and is being removed, has fewer.
      if (!linux_api::open_if_directory(layers_.get(), directory.name)) return std::nullopt;
      return examined - 1;
    } catch (const Error& error) {
      add_about(directory, Kind::unreadable, Severity::damage, fmt::format("layers/{}/fs", directory.name),
                fmt::format("layer {} cannot be looked at: {}", directory.layer, error.what()));
      return std::nullopt;
    }
  }

  void compare_count(const LayerDirectory& directory, std::optional<std::size_t> names, std::size_t counted) {
    if (!names || *names == counted) return;
    add_about(directory, Kind::content, Severity::damage, fmt::format("{}/{}", layers_name, directory.name),
              fmt::format("layers/{} holds {} names, and held {}: something else than plyroot has changed it",
                          printable(directory.name), *names, counted));
  }

  void add_content(const LayerDirectory& directory, const ContentFault& fault) {
    const bool harmless = fault.kind == ContentFault::Kind::marks_of_user;
    const std::string path = fmt::format("layers/{}/fs{}", directory.name, fault.path);
    add_about(directory, harmless ? Kind::foreign_mark : Kind::content, harmless ? Severity::note : Severity::damage,
              path, fmt::format("{} {}", printable(path), fault.text));
  }

  void tell_reach() {
    const auto is_affected = [this](LayerId top) {
      std::size_t steps = 0;
      for (auto row = rows_.layers.find(top); row != rows_.layers.end() && steps <= rows_.layers.size(); ++steps) {
        const auto cover = rows_.covers.find(row->first);
        if (cover != rows_.covers.end()) {
          if (damaged_covers_.contains(row->first)) return true;
          row = rows_.layers.find(cover->second.below);
          continue;
        }
        if (damaged_.contains(row->first)) return true;
        if (!row->second.parent) return false;
        row = rows_.layers.find(*row->second.parent);
      }
      return true;
    };
    for (const Rows::Ref& ref : rows_.refs)
      (is_affected(ref.layer) ? report_.snapshots.affected : report_.snapshots.unaffected).push_back(ref.name);
    for (const auto& [name, head] : rows_.heads) {
      const bool affected = is_affected(head.current) || (head.upper && is_affected(*head.upper)) ||
                            heads_with_untrue_views_.contains(name);
      (affected ? report_.heads.affected : report_.heads.unaffected).push_back(name);
    }
  }

  const StoreLocation* location_;
  CheckReport report_;
  Rows rows_;
  Descriptor layers_;
  std::vector<LayerId> whole_;         ///< layers whose directories are there
  std::vector<LayerId> whole_covers_;  ///< layers for which merged ones are mounted, which are there
  std::set<LayerId> damaged_;
  std::set<std::string> heads_with_untrue_views_;
  std::set<LayerId> damaged_covers_;  ///< by the layer that they are mounted for
};

}  // namespace

std::string_view kind_name(Kind kind) {
  return kind_names.at(static_cast<std::size_t>(kind));
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::garbage:
      return "garbage";
    case Severity::damage:
      return "damage";
  }
  return {};
}

bool CheckReport::is_well() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::damage; });
}

bool CheckReport::has_damaged_rows() const {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::damage &&
           (finding.kind == Kind::database || finding.kind == Kind::layer_tree || finding.kind == Kind::head);
  });
}

CheckReport check(const StoreLocation& location) {
  return Check(location).run();
}

}  // namespace plyroot::store
