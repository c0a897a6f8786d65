#pragma once

namespace plyroot::store {

/// The name of SQLite's layer above the system (https://sqlite.org/vfs.html) that plyroot's database is opened with:
/// what a transaction writes is kept in memory until SQLite syncs it, and then goes through the redo log,
/// DATABASE-redo. The rollback journal is to be in memory (PRAGMA journal_mode=MEMORY); one that another program has
/// left is used as ever.
///
/// Registered with the first call. Its functions throw nothing; SQLite gets its codes for what fails, and errno.
const char* logged_database_vfs();

}  // namespace plyroot::store
