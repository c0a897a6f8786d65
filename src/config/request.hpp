#pragma once

#include <optional>
#include <string>
#include <vector>

namespace plyroot::config {

/// Which configuration is asked for, and what the command line changes in it. Names and values are as the user typed
/// them, see mock(1).
struct Request {
  std::string chroot = "default";              ///< -r: a name, or a path where it ends in ".cfg"; relative to here
  std::string config_directory = "/etc/mock";  ///< --configdir

  std::vector<std::string> config_opts;           ///< --config-opts KEY=VALUE
  std::vector<std::string> plugin_options;        ///< --plugin-option PLUGIN:KEY=VALUE
  std::vector<std::string> enable_plugins;        ///< --enable-plugin
  std::vector<std::string> disable_plugins;       ///< --disable-plugin
  std::vector<std::string> repositories;          ///< --addrepo: base URLs
  std::vector<std::string> enable_disable_repos;  ///< "--enablerepo", NAME, "--disablerepo", NAME, ... in their order
  std::vector<std::string> macros;                ///< --define "MACRO EXPRESSION"
  std::vector<std::string> rpm_with;              ///< --with: conditionals of packages
  std::vector<std::string> rpm_without;           ///< --without

  std::optional<std::string> rootdir;
  std::optional<std::string> resultdir;
  std::optional<std::string> uniqueext;
  std::optional<std::string> arch;             ///< --arch
  std::optional<std::string> forcearch;        ///< --forcearch
  std::optional<std::string> rpmbuild_arch;    ///< --target
  std::optional<int> rpmbuild_timeout;         ///< seconds
  std::optional<std::string> rpmbuild_opts;    ///< --rpmbuild-opts: words, quoted as for a shell
  std::optional<std::string> macrofile;        ///< --macro-file; relative to here
  std::optional<std::string> isolation;        ///< --isolation: auto, simple, nspawn
  std::optional<std::string> package_manager;  ///< --dnf, --yum, or what --dnf-cmd and --yum-cmd ask for
  std::optional<bool> cleanup_after;           ///< --cleanup-after, --no-cleanup-after
  std::optional<bool> use_bootstrap;           ///< --bootstrap-chroot, --no-bootstrap-chroot

  bool offline = false;         ///< --offline
  bool no_clean = false;        ///< --no-clean
  bool no_check = false;        ///< --nocheck
  bool post_install = false;    ///< --postinstall
  bool enable_network = false;  ///< --enable-network
  int verbosity = 1;            ///< 0 with -q, 2 with -v
  bool terminal = false;        ///< whether standard error is one: then mock shows the package manager's output
};

}  // namespace plyroot::config
