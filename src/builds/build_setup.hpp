#pragma once

#include "buildroot/session.hpp"
#include "config/config.hpp"
#include "packages/package_manager.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::builds {

/// What every build does first in a root that has its first packages: writes hw_info.log, updates the root, empties the
/// build user's home of what the last build left, and makes the directories that rpmbuild works in.
/// @param results the result directory @throws Error
void set_up_build(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                  Log& log, int results);

/// Whether one of mock's plugins is on.
bool is_plugin_on(const config::Config& config, const char* plugin);

}  // namespace plyroot::builds
