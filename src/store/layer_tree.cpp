#include "store/layer_tree.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "linux/file_system.hpp"
#include "store/layer_directory.hpp"
#include "support/error.hpp"

namespace plyroot::store {

Head head_on(LayerId current) {
  Head head;
  head.current = current;
  return head;
}

Head head_with_new_upper(const Database& database, LayerId current) {
  LayerId last_layer = 0;
  Head head = head_on(current);
  Statement sequences(database, "SELECT name, seq FROM sqlite_sequence");
  while (sequences.step()) {
    if (sequences.text(0) == "layers") last_layer = sequences.integer(1);
    if (sequences.text(0) == "retired") head.retired_before_mount = sequences.integer(1);
  }
  head.upper = add_layer(database, new_directory_name(last_layer + 1), current, false);
  head.upper_is_unused = true;
  head.unsynced_since_boot = linux_api::boot_id();
  return head;
}

Layer read_layer(const Database& database, LayerId id) {
  Statement layer(database, "SELECT directory, parent, committed FROM layers WHERE id = ?");
  if (!layer.bind(id).step()) {
    throw Error(fmt::format("the store {} is damaged: layer {} is used, but not listed", database.path(), id));
  }
  return {id, layer.text(0), layer.integer_or_null(1), layer.integer(2) != 0};
}

LayerId base_of(const Database& database) {
  Statement base(database, "SELECT id FROM layers WHERE parent IS NULL");
  if (!base.step()) throw Error(fmt::format("the store {} is damaged: it has no base layer", database.path()));
  return base.integer(0);
}

LayerId add_layer(const Database& database, const std::string& directory, std::optional<LayerId> parent,
                  bool committed) {
  Statement(database, "INSERT INTO layers (directory, parent, committed) VALUES (?, ?, ?)")
      .bind(directory)
      .bind(parent)
      .bind(std::int64_t{committed})
      .run();
  return sqlite3_last_insert_rowid(database.get());
}

std::vector<std::string> chain_of(const Database& database, LayerId top) {
  Statement step(database,
                 "SELECT coalesce(covers.directory, layers.directory), coalesce(covers.below, layers.parent)"
                 " FROM layers LEFT JOIN covers ON covers.layer = layers.id WHERE layers.id = ?");
  std::vector<std::string> directories;
  for (std::optional<LayerId> next = top; next && step.bind(*next).step(); step.start_again()) {
    directories.push_back(step.text(0));
    next = step.integer_or_null(1);
  }
  if (directories.empty()) read_layer(database, top);  // says what is wrong
  if (directories.size() > 1) directories.pop_back();  // base is empty: it would only cost a lower
  return directories;
}

void drop_cover(const Database& database, LayerId layer) {
  Statement(database, "INSERT INTO retired (directory) SELECT directory FROM covers WHERE layer = ?").bind(layer).run();
  Statement(database, "DELETE FROM covers WHERE layer = ?").bind(layer).run();
}

std::int64_t last_retired(const Database& database) {
  Statement last(database, "SELECT seq FROM sqlite_sequence WHERE name = 'retired'");
  return last.step() ? last.integer(0) : 0;
}

std::optional<LayerId> find_ref(const Database& database, const SnapshotName& name) {
  Statement ref(database, "SELECT layer FROM refs WHERE name = ?");
  if (!ref.bind(name.text()).step()) return std::nullopt;
  return ref.integer(0);
}

std::optional<std::string> find_origin(const Database& database, const std::string& name) {
  Statement row(database, "SELECT origin FROM refs WHERE name = ?");
  if (!row.bind(name).step()) return std::nullopt;
  return row.text(0);
}

void add_ref(const Database& database, const SnapshotName& name, LayerId layer, const std::string& origin) {
  Statement(database, "INSERT INTO refs (name, layer, origin) VALUES (?, ?, ?)")
      .bind(name.text())
      .bind(layer)
      .bind(origin)
      .run();
}

std::optional<Head> find_head(const Database& database, const HeadName& name) {
  Statement row(database,
                "SELECT current, upper, upper_is_unused, unsynced_since_boot, retired_before_mount"
                " FROM heads WHERE name = ?");
  if (!row.bind(name.text()).step()) return std::nullopt;
  Head head{row.integer(0), row.integer_or_null(1), row.integer(2) != 0, std::nullopt, row.integer(4)};
  if (!row.is_null(3)) head.unsynced_since_boot = row.text(3);
  return head;
}

Head read_head(const Database& database, const HeadName& name) {
  if (const auto head = find_head(database, name)) return *head;
  const auto main = find_head(database, HeadName::main());
  if (!main) throw Error(fmt::format("the store {} is damaged: it has no main head", database.path()));
  return head_on(main->current);
}

void write_head(const Database& database, const HeadName& name, const Head& head) {
  Statement row(database,
                "INSERT OR REPLACE INTO heads"
                " (name, current, upper, upper_is_unused, unsynced_since_boot, retired_before_mount)"
                " VALUES (?, ?, ?, ?, ?, ?)");
  row.bind(name.text()).bind(head.current).bind(head.upper).bind(std::int64_t{head.upper_is_unused});
  if (head.unsynced_since_boot) {
    row.bind(*head.unsynced_since_boot);
  } else {
    row.bind(std::optional<std::int64_t>());
  }
  row.bind(head.retired_before_mount);
  row.run();
}

std::vector<std::string> delete_unreachable(const Database& database, LayerId from) {
  std::vector<std::string> garbage;
  // Few statements, each for all layers: to prepare one takes as long as to run it a dozen times.
  Statement layer(database,
                  "DELETE FROM layers WHERE id = ?1 AND parent IS NOT NULL"
                  " AND NOT EXISTS (SELECT 1 FROM refs WHERE layer = ?1)"
                  " AND NOT EXISTS (SELECT 1 FROM layers WHERE parent = ?1)"
                  " AND NOT EXISTS (SELECT 1 FROM heads WHERE current = ?1 OR upper = ?1)"
                  " RETURNING directory, parent");
  std::optional<Statement> cover;
  std::optional<LayerId> next = from;
  while (next && layer.bind(*next).step()) {
    garbage.push_back(layer.text(0));
    if (!cover) cover.emplace(database, "DELETE FROM covers WHERE layer = ? RETURNING directory");
    cover->bind(*next);
    while (cover->step())
      garbage.push_back(cover->text(0));
    cover->start_again();
    next = layer.integer_or_null(1);
    layer.start_again();
  }
  return garbage;
}

}  // namespace plyroot::store
