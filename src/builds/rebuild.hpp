#pragma once

#include <functional>
#include <string>

#include "buildroot/session.hpp"
#include "config/config.hpp"
#include "packages/package_manager.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::builds {

/// Says no to what is no source package, before anything is cleaned for it. @throws Error (source_package)
void check_source_package(const std::string& path, const config::Config& config);

/// Says around a build what mock says: what is built with which configuration, how it ended after how long, and where
/// its results and logs are. Lets the build's exceptions through.
void report_build(const config::Config& config, Log& log, const std::string& source_package,
                  const std::function<void()>& build);

/// Builds a source package in a root that has its first packages, as mock's --rebuild does: updates the root, installs
/// the source package as the build user, makes it anew from its spec file and installs what it requires until nothing
/// is missing, and runs rpmbuild without network. The packages go to the result directory, with build.log,
/// installed_pkgs.log and hw_info.log.
///
/// @throws Error: rpmbuild's own exit code where it fails; source_package, package_manager, timed_out
void rebuild(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config, Log& log,
             const std::string& source_package);

/// Installs what source packages of the host require, as mock's --installdeps. @throws Error
void install_dependencies(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                          const config::Words& source_packages);

}  // namespace plyroot::builds
