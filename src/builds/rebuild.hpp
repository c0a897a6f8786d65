#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "buildroot/session.hpp"
#include "builds/build_log.hpp"
#include "builds/source_files.hpp"
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

/// Builds of source packages, one after the other, as mock's --rebuild and --buildsrpm do them. All write one
/// build.log.
class Rebuilds {
 public:
  /// @param config,log live longer than this
  /// @param additional_packages installed before each build, beside what the package requires (--additional-package)
  Rebuilds(const config::Config& config, Log& log, config::Words additional_packages)
      : config_(&config), log_(&log), additional_packages_(std::move(additional_packages)) {}

  /// Builds one in a root that has its first packages: updates the root, installs the source package as the build user,
  /// makes it anew from its spec file and installs what it requires until nothing is missing, and runs rpmbuild without
  /// network. The packages go to the result directory, with build.log, installed_pkgs.log and hw_info.log; the last two
  /// tell of the last build.
  ///
  /// @param spec is built in place of the package's own spec file
  /// @throws Error: rpmbuild's own exit code where it fails; source_package, package_manager, build_requirements,
  ///   timed_out
  void build(buildroot::Session& session, packages::PackageManager& manager, const std::string& source_package,
             const std::optional<SpecFile>& spec = std::nullopt);

  /// Makes a source package of a spec file in such a root, updated too. @returns its path in the result directory
  /// @throws Error: rpmbuild's own exit code where it fails; source_package, package_manager, timed_out
  std::string make_source_package(buildroot::Session& session, packages::PackageManager& manager, const SpecFile& spec,
                                  const std::optional<Sources>& sources);

  /// Installs the packages that all builds have made, but for source packages, from the result directory into the root
  /// (--postinstall). @throws Error (package_manager)
  void install_results(buildroot::Session& session, packages::PackageManager& manager);

 private:
  /// @returns the result directory
  linux_api::Descriptor begin_build();

  const config::Config* config_;
  Log* log_;
  config::Words additional_packages_;
  std::optional<BuildLog> build_log_;  ///< begun by the first build
  config::Words results_;              ///< paths of packages, source packages among them
};

/// Installs what source packages of the host require, as mock's --installdeps. @throws Error
void install_dependencies(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                          const config::Words& source_packages);

}  // namespace plyroot::builds
