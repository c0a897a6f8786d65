#pragma once

#include <string>
#include <vector>

#include "plyroot/names.hpp"
#include "store/database.hpp"
#include "store/database_file.hpp"

namespace plyroot::store {

struct UntrueView {
  std::string file;  ///< its name in heads/
  HeadName head;
  bool is_mounted_by;  ///< it says what the head is mounted from
};

/// The views in heads/ that are of this state of the database, and do not say what it says: commands that read only
/// would believe them. Within the caller's transaction, in which the database has that state.
/// @param heads the directory's descriptor
/// @throws SystemError, Error
std::vector<UntrueView> untrue_views(const Database& database, const DatabaseStamp& stamp, int heads);

/// Whoever reads next asks the database. @throws SystemError
void remove_views(int heads);

}  // namespace plyroot::store
