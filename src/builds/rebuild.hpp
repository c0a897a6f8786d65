#pragma once

#include <string>

#include "buildroot/session.hpp"
#include "config/config.hpp"
#include "packages/package_manager.hpp"

namespace plyroot::builds {

void install_dependencies(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                          const config::Words& source_packages);

void rebuild(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config, Log& log,
             const std::string& source_package);

}  // namespace plyroot::builds
