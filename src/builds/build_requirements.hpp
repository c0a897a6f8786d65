#pragma once

#include <set>
#include <string>

#include "buildroot/session.hpp"
#include "builds/build_log.hpp"
#include "builds/rpmbuild.hpp"
#include "builds/source_package.hpp"
#include "config/config.hpp"
#include "packages/package_manager.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::builds {

/// Installs into a root what one package needs to be built.
class BuildRequirements {
 public:
  /// @param session,manager,config,log,build_log live longer than this
  /// @param spec_file the package's, its path within the root
  BuildRequirements(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                    Log& log, BuildLog& build_log, std::string spec_file);

  /// Makes the source package from its spec file and installs what it requires, again until nothing more is installed:
  /// what is there may change what the spec file asks for.
  ///
  /// @param more installed beside
  /// @returns whether the package finds out in its build what else it requires (%generate_buildrequires)
  /// @throws Error (source_package, package_manager), also where it does and `dynamic_buildrequires` is off
  bool install_static(const config::Words& more);

  /// Runs %prep, then %generate_buildrequires and installs what that asks for, again until nothing more is installed.
  ///
  /// @throws Error (build_requirements) where rpmbuild fails, or more was installed in each of
  ///   `dynamic_buildrequires_max_loops` runs; (package_manager) for what cannot be installed
  void install_dynamic();

 private:
  [[nodiscard]] std::set<std::string> installed_packages() const;
  bool install_static_once(const config::Words& more);
  void install_generated();
  void require_support_of_dynamic() const;

  buildroot::Session* session_;
  packages::PackageManager* manager_;
  const config::Config* config_;
  Log* log_;
  BuildLog* build_log_;
  Rpmbuild rpmbuild_;
  std::string spec_file_;
};

}  // namespace plyroot::builds
