#pragma once

#include <sqlite3.h>

#include <optional>

#include "support/error.hpp"

namespace plyroot::store {

/// The name of SQLite's layer above the system (https://sqlite.org/vfs.html) that plyroot's database is opened with:
/// what a transaction writes is kept in memory until SQLite syncs it, and then goes through the redo log,
/// DATABASE-redo. The rollback journal is to be in memory (PRAGMA journal_mode=MEMORY); one that another program has
/// left is used as ever.
///
/// Registered with the first call. Its functions throw nothing; SQLite gets its codes for what fails, and errno.
const char* logged_database_vfs();

/// What failed in it, where that made SQLite's last call on the connection fail: what was tried on which file, and why.
/// Nothing where it was something else. Forgets it.
std::optional<SystemError> take_failure_of(sqlite3* connection);

}  // namespace plyroot::store
