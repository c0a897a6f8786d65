#include "store/schema.hpp"

#include <fmt/format.h>

#include "support/error.hpp"

namespace plyroot::store {
namespace {

// layers.id is never used twice (AUTOINCREMENT). What is alive is derived from refs, heads and parents, never counted.
constexpr const char* tables = R"sql(
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE layers (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  directory TEXT NOT NULL UNIQUE,
  parent    INTEGER REFERENCES layers (id),
  committed INTEGER NOT NULL,
  entries   INTEGER  -- how many names are in the directory, once merging has counted them
);
CREATE INDEX layers_by_parent ON layers (parent);

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

CREATE TABLE refs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT NOT NULL UNIQUE,
  layer    INTEGER NOT NULL REFERENCES layers (id),
  origin   TEXT NOT NULL
);
CREATE INDEX refs_by_layer ON refs (layer);

CREATE TABLE heads (
  name                 TEXT PRIMARY KEY,
  current              INTEGER NOT NULL REFERENCES layers (id),
  upper                INTEGER REFERENCES layers (id),
  unsynced_since_boot  TEXT,
  retired_before_mount INTEGER NOT NULL  -- the last of retired when this head was mounted last
) WITHOUT ROWID;
CREATE INDEX heads_by_current ON heads (current);
)sql";

}  // namespace

bool has_schema(const Database& database) {
  Statement version(database, "PRAGMA user_version");
  version.step();
  const auto found = version.integer(0);
  if (found > schema_version) {
    throw Error(fmt::format("the store {} was written by a newer plyroot (format {}, this one knows {})",
                            database.path(), found, schema_version),
                "Use that plyroot.");
  }
  return found != 0;
}

void create_schema(const Database& database) {
  database.execute(tables);
  database.execute(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
}

}  // namespace plyroot::store
