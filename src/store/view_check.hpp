#pragma once

#include <string>
#include <vector>

#include "store/database.hpp"
#include "store/database_file.hpp"

namespace plyroot::store {

/// The views in heads/ that are of this state of the database, and do not say what it says: commands that read only
/// would believe them. Within the caller's transaction, in which the database has that state.
/// @param heads the directory's descriptor
/// @returns the files' names. @throws SystemError, Error
std::vector<std::string> untrue_views(const Database& database, const DatabaseStamp& stamp, int heads);

}  // namespace plyroot::store
