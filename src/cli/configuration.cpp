#include "cli/configuration.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "buildroot/rpm_macros.hpp"
#include "config/load.hpp"
#include "plyroot/names.hpp"
#include "support/error.hpp"

namespace plyroot::cli {
namespace {

/// mock's plugins whose work plyroot does itself, or that have none to do here.
constexpr std::array<std::string_view, 8> known_plugins{"overlayfs", "root_cache", "yum_cache", "bind_mount",
                                                        "mount",     "selinux",    "hw_info",   "package_state"};

/// A file that the command line names is a matter of the command line.
void check_macro_file(const config::Config& config) {
  try {
    buildroot::rpm_macros_of(config);
  } catch (const Error& error) {
    throw Error(error.what(), error.advice(), ExitCode::usage);
  }
}

}  // namespace

config::Request request_of(const Options& options) {
  config::Request request;
  request.chroot = options.chroot;
  request.config_directory = options.config_directory;
  request.config_opts = options.config_opts;
  request.plugin_options = options.plugin_options;
  request.enable_plugins = options.enable_plugins;
  request.disable_plugins = options.disable_plugins;
  request.repositories = options.repositories;
  request.enable_disable_repos = options.enable_disable_repos;
  request.macros = options.macros;
  request.rpm_with = options.rpm_with;
  request.rpm_without = options.rpm_without;
  request.rootdir = options.rootdir;
  request.resultdir = options.resultdir;
  request.uniqueext = options.uniqueext;
  request.arch = options.arch;
  request.forcearch = options.forcearch;
  request.rpmbuild_arch = options.rpmbuild_arch;
  request.rpmbuild_timeout = options.rpmbuild_timeout;
  request.rpmbuild_opts = options.rpmbuild_opts;
  request.macrofile = options.macrofile;
  request.isolation = options.isolation;
  request.package_manager = options.package_manager;
  request.use_bootstrap = options.use_bootstrap;
  request.offline = options.offline;
  request.no_clean = options.no_clean;
  request.no_check = options.no_check;
  request.post_install = options.post_install;
  request.cleanup_after = options.cleanup_after;
  request.enable_network = options.enable_network;
  request.verbosity = options.verbosity;
  request.terminal = isatty(STDERR_FILENO) != 0;
  return request;
}

config::Config load_configuration(const Options& options, Log& log) {
  if (options.uniqueext) HeadName{*options.uniqueext};  // says what is wrong with it before a file is read
  config::LoadReport report;
  config::Config config = config::load(request_of(options), log, {}, &report);
  for (const std::string& reason : report.not_kept_because)
    log.debug("the evaluated configuration is not kept: " + reason);
  if (config.isolation == config::Isolation::nspawn) {
    throw Error("config_opts['isolation'] = 'nspawn' is not there in plyroot",
                "Use 'auto' or 'simple': --isolation simple.", ExitCode::usage);
  }
  if (options.macrofile) check_macro_file(config);
  return config;
}

void warn_of_differences(const config::Config& config, Log& log) {
  const config::Plugins& plugins = config.plugins;
  if (plugins.overlayfs.enable && plugins.root_cache.enable && plugins.root_cache.set_explicitly) {
    log.warning("the root_cache plugin is on beside overlayfs: it is pointless, the snapshot postinit does its work");
  }
  for (const auto& [name, is_on] : plugins.enabled) {
    if (is_on && std::find(known_plugins.begin(), known_plugins.end(), name) == known_plugins.end()) {
      log.warning(fmt::format("mock's plugin {} is on in the configuration; plyroot does not have it yet", name));
    }
  }
  if (plugins.mount.enable && !plugins.mount.dirs.empty()) {
    log.warning("plugin_conf's mount_opts asks for file systems to be mounted; plyroot does not do so yet");
  }
}

}  // namespace plyroot::cli
