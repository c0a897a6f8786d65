#pragma once

#include <optional>
#include <set>
#include <string>

#include "buildroot/initialization.hpp"
#include "config/config.hpp"
#include "packages/invocation.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::packages {

/// Installs and removes packages in a root with a package manager of the host, or microdnf of the root's own. Which one
/// is settled when the first command needs it: nothing is asked of the host before.
///
/// Each run: the rpm database is touched first, so that overlayfs's copy-up trap is never met; the package cache is
/// attached, and used by one run at a time; what the manager says goes to root.log, and to standard output where the
/// configuration or -v wants it. A run that fails is an Error (package_manager) with the command and its last words.
class PackageManager final : public buildroot::Installer {
 public:
  /// @param config,log live longer than this
  PackageManager(const config::Config& config, Log& log) : config_(&config), log_(&log) {}

  void configure(buildroot::Session& session) override;
  void install_base(buildroot::Session& session) override;
  /// What the first packages depend on. What holds for one command alone
  /// (--addrepo, --enablerepo, --offline, --dnf) is no part of it.
  [[nodiscard]] std::string origin() const override;

  void install(buildroot::Session& session, const config::Words& packages);
  void update(buildroot::Session& session, const config::Words& packages);
  void remove(buildroot::Session& session, const config::Words& packages);
  /// Installs what source packages need to be built.
  void builddep(buildroot::Session& session, const config::Words& source_packages);
  /// Any command of the package manager. Names of RPM files are paths of the host, relative to where we are.
  void execute(buildroot::Session& session, const config::Words& command);

  /// What is installed, a line each as `format` says (rpm's --queryformat), read with the host's rpm, or the root's own
  /// where the host has none. @throws Error (root)
  [[nodiscard]] std::set<std::string> installed_packages(buildroot::Session& session, const std::string& format);

  /// To be called where the root has been cleaned: what was written into it, and learnt from it, is gone.
  void forget_root();

  /// Whether install_base has succeeded here: then there is nothing newer to be had.
  [[nodiscard]] bool has_just_installed() const { return has_just_installed_; }
  /// The one that is used. @throws Error (package_manager) where there is none
  const HostManager& manager();

 private:
  void set_up_modules(buildroot::Session& session);
  void run(buildroot::Session& session, const Invocation& invocation);
  linux_api::ExitStatus run_once(buildroot::Session& session, const Invocation& invocation,
                                 const buildroot::OutputHandler& output);
  [[nodiscard]] buildroot::HostCommand on_host(buildroot::Session& session, const config::Words& arguments,
                                               const buildroot::OutputHandler& output);
  const std::string& database_path(buildroot::Session& session);

  const config::Config* config_;
  Log* log_;
  std::optional<HostManager> manager_;
  std::optional<std::string> database_path_;
  bool is_configured_ = false;
  bool has_just_installed_ = false;
  bool has_warned_of_repositories_ = false;
};

}  // namespace plyroot::packages
