#include "store/schema.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

#include "support/error.hpp"

namespace plyroot::store {
namespace {

// What makes a database of each version of the format out of the one before; an empty one is version 0.
// layers.id is never used twice (AUTOINCREMENT). What is alive is derived from refs, heads and parents, never counted.
constexpr const char* steps[] = {
    // 1: layers, their names, the heads
    R"sql(
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE layers (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  directory TEXT NOT NULL UNIQUE,
  parent    INTEGER REFERENCES layers (id),
  committed INTEGER NOT NULL
);
CREATE INDEX layers_by_parent ON layers (parent);

CREATE TABLE refs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT NOT NULL UNIQUE,
  layer    INTEGER NOT NULL REFERENCES layers (id),
  origin   TEXT NOT NULL
);
CREATE INDEX refs_by_layer ON refs (layer);

CREATE TABLE heads (
  name                TEXT PRIMARY KEY,
  current             INTEGER NOT NULL REFERENCES layers (id),
  upper               INTEGER REFERENCES layers (id),
  unsynced_since_boot TEXT
) WITHOUT ROWID;
CREATE INDEX heads_by_current ON heads (current);
)sql",
    // 2: merging
    R"sql(
-- How many names are in the directory, once merging has counted them.
ALTER TABLE layers ADD COLUMN entries INTEGER;

-- A directory that shows the union of a layer and those below it, down to but without another one: mounted in their
-- place.
CREATE TABLE covers (
  layer     INTEGER PRIMARY KEY REFERENCES layers (id),
  directory TEXT NOT NULL UNIQUE,
  below     INTEGER NOT NULL REFERENCES layers (id),
  entries   INTEGER NOT NULL
);
CREATE INDEX covers_by_below ON covers (below);

-- Directories that merging has replaced: a root that was mounted before may still show them.
CREATE TABLE retired (
  sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
  directory TEXT NOT NULL UNIQUE
);
-- The last of them when the head was mounted last.
ALTER TABLE heads ADD COLUMN retired_before_mount INTEGER NOT NULL DEFAULT 0;
)sql",
    // 3: uppers that are listed before they are used
    R"sql(
ALTER TABLE heads ADD COLUMN upper_is_unused INTEGER NOT NULL DEFAULT 0;
)sql"};

constexpr std::int64_t newest_version = std::size(steps);

std::int64_t schema_version(const Database& database) {
  Statement version(database, "PRAGMA user_version");
  version.step();
  const auto found = version.integer(0);
  if (found > newest_version) {
    throw Error(fmt::format("the store {} was written by a newer plyroot (format {}, this one knows {})",
                            database.path(), found, newest_version),
                "Use that plyroot.");
  }
  return found;
}

}  // namespace

bool is_newest_schema(std::int64_t user_version) {
  return user_version == newest_version;
}

SchemaState schema_state(const Database& database) {
  const std::int64_t version = schema_version(database);
  if (version == 0) return SchemaState::missing;
  return version == newest_version ? SchemaState::newest : SchemaState::older;
}

void create_schema(const Database& database) {
  for (auto version = schema_version(database); version < newest_version; ++version)
    database.execute(steps[version]);
  database.execute(fmt::format("PRAGMA user_version = {}", newest_version).c_str());
}

void upgrade_schema(const Database& database) {
  Transaction transaction(database);
  if (schema_state(database) == SchemaState::older) create_schema(database);
  transaction.commit();
}

}  // namespace plyroot::store
