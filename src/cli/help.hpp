#pragma once

#include <string>

namespace plyroot::cli {

/// What --help prints: all that plyroot has, by its sections, and the names of what it does not have yet.
std::string help_text();

/// What --version prints.
std::string version_text();

}  // namespace plyroot::cli
