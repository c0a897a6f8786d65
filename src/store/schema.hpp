#pragma once

#include <cstdint>

#include "store/database.hpp"

namespace plyroot::store {

enum class SchemaState {
  missing,  ///< no tables yet
  older,    ///< what an earlier plyroot made
  newest,
};

/// What tables the database has (its user_version tells). @throws Error where a newer plyroot made them
SchemaState schema_state(const Database& database);

/// The same of its user_version alone, as its file has it.
bool is_newest_schema(std::int64_t user_version);

/// Makes the tables, empty, or brings those of an earlier plyroot up to date. Within the caller's transaction.
void create_schema(const Database& database);
/// Brings those of an earlier plyroot up to date, in a transaction of its own.
void upgrade_schema(const Database& database);

}  // namespace plyroot::store
