#pragma once

#include "store/database.hpp"

namespace plyroot::store {

/// The version that this program writes; kept in the database file's user_version.
inline constexpr int schema_version = 1;

/// Whether the database has its tables. @throws Error where a newer plyroot made them
bool has_schema(const Database& database);

/// Makes the tables, empty. Within the caller's transaction.
void create_schema(const Database& database);

}  // namespace plyroot::store
