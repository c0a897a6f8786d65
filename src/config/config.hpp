#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace plyroot::config {

using Words = std::vector<std::string>;
using Texts = std::map<std::string, std::string>;

/// A value of the configuration kept as JSON text, for whoever needs more of it than the typed fields hold.
struct JsonText {
  std::string text;
};

enum class Isolation { automatic, simple, nspawn };

/// How one package manager is called: `config_opts['NAME_...']`.
struct PackageManagerOptions {
  std::string command;                          ///< the program on the host
  std::optional<std::string> system_command;    ///< where to look for it with a bootstrap root made by packages
  Words install_command;                        ///< installs it into a bootstrap root
  std::optional<std::string> builddep_command;  ///< in place of COMMAND for `builddep`
  Words common_opts;                            ///< for every subcommand
  Words builddep_opts;
  Words disable_plugins;
  std::map<std::string, Words> avoid_opts;  ///< common_opts that a subcommand does not take
};

/// `module_setup_commands`: "enable", "disable" or "install", and modules with commas between them.
struct ModuleCommand {
  std::string action;
  std::string modules;
};

/// A directory of the host and where it is seen, or copied to, in the root.
struct PathPair {
  std::string host_path;
  std::string chroot_path;
};

/// A file system for mock's mount plugin.
struct FileSystemMount {
  std::string device;
  std::string chroot_path;
  std::string type;
  std::string options;
};

struct OverlayfsOptions {
  bool enable = true;    ///< on unless a configuration turns it off (mock's plugin: off)
  std::string base_dir;  ///< where layers are kept
  bool touch_rpmdb = false;
  Words touch_files;  ///< patterns of paths within the root
  bool trace_hooks = false;
};

struct RootCacheOptions {
  bool enable = true;
  bool set_explicitly = false;  ///< a configuration or the command line says so, not mock's default
};

struct YumCacheOptions {
  bool enable = true;
  int max_age_days = 30;
  int max_metadata_age_days = 30;
  bool online = true;
};

struct BindMountOptions {
  bool enable = true;
  std::vector<PathPair> dirs;
  bool create_dirs = false;
};

struct MountOptions {
  bool enable = true;
  std::vector<FileSystemMount> dirs;
};

struct Plugins {
  std::map<std::string, bool> enabled;  ///< all that the configuration names, by name
  OverlayfsOptions overlayfs;
  RootCacheOptions root_cache;
  YumCacheOptions yum_cache;
  BindMountOptions bind_mount;
  MountOptions mount;
  bool tmpfs_enable = false;
};

/// mock's configuration, evaluated: all files read, the command line applied, templates expanded. Names are mock's keys
/// of `config_opts`, which mock(1) and site-defaults.cfg explain, except where something is said here. Paths are
/// absolute.
struct Config {
  // What it is, and where things are.
  std::string root;         ///< the root's name, "-UNIQUEEXT" included
  std::string shared_root;  ///< the same without uniqueext: what snapshots and caches are kept under
  std::string chroot_name;  ///< what -r named, without directory and ".cfg"
  std::string config_file;
  Words config_paths;  ///< all files that were read, in their order
  std::string description;
  std::string basedir;
  std::string rootdir;
  std::string resultdir;
  std::string cache_topdir;
  std::string cachedir;  ///< cache_topdir/shared_root
  std::string log_config_file;
  std::string build_log_format;  ///< names of formats in log_config_file
  std::string root_log_format;
  std::string state_log_format;
  std::string stderr_line_prefix;
  bool print_main_output = false;

  // Architectures.
  std::string host_arch;
  std::string target_arch;
  std::string repo_arch;
  std::string rpmbuild_arch;
  Words legal_host_arches;               ///< empty: not restricted
  std::optional<std::string> forcearch;  ///< also chosen where the host cannot run the target
  Texts qemu_user_static_mapping;
  std::optional<std::string> releasever;
  std::string dist;

  // Packages.
  std::string package_manager;  ///< dnf4 (mock's "dnf"), dnf5, yum, microdnf
  std::map<std::string, PackageManagerOptions> package_managers;
  std::string package_manager_conf;  ///< the text of dnf.conf or yum.conf, --addrepo's sections at its end
  int package_manager_max_attempts = 1;
  int package_manager_attempt_delay = 10;     ///< seconds
  bool warn_of_other_package_manager = true;  ///< `dnf_warning`
  Texts dnf_vars;
  std::string priorities_conf;
  std::string rhnplugin_conf;
  std::string subscription_manager_conf;
  Words enable_disable_repos;  ///< as in Request
  bool online = true;
  Words chroot_setup_cmd;
  Words chroot_additional_packages;
  Words module_enable;
  Words module_install;
  std::vector<ModuleCommand> module_setup_commands;
  std::string user_agent;
  int opstimeout = 0;  ///< seconds; 0: none

  // The root.
  Isolation isolation = Isolation::automatic;
  bool use_bootstrap = true;
  bool use_bootstrap_image = true;
  std::string bootstrap_image;
  std::uint32_t chrootuid = 0;
  std::uint32_t chrootgid = 0;
  std::string chrootuser;
  std::string chrootgroup;
  std::string chroothome;
  Words copy_host_users;
  std::map<std::string, std::optional<std::string>> environment;  ///< proxies included; nothing: to be left unset
  Texts files;                                                    ///< path within the root -> content
  Words extra_chroot_dirs;
  std::optional<std::string> hostname;
  bool use_host_resolv = false;
  bool rpmbuild_networking = false;
  bool internal_dev_setup = true;
  int dev_loop_count = 12;
  bool no_root_shells = false;
  bool nosync = false;
  bool nosync_force = false;
  std::optional<std::string> ssl_ca_bundle_path;
  std::vector<PathPair> ssl_copied_ca_trust_dirs;
  bool clean = true;

  // Builds.
  std::map<std::string, std::optional<std::string>> macros;  ///< "%name" -> value
  std::optional<std::string> macrofile;                      ///< a file of the host whose text goes before `macros`
  std::map<std::string, Words> more_buildreqs;
  std::string rpm_command;
  std::string rpmbuild_command;
  Words rpmbuild_opts;
  int rpmbuild_timeout = 0;  ///< seconds; 0: none
  bool check = true;
  bool post_install = false;  ///< what was built is installed into the root
  bool update_before_build = true;
  bool cleanup_on_success = true;  ///< the root is cleaned after builds that succeeded
  bool cleanup_on_failure = true;  ///< and after one that failed
  Words exclude_from_homedir_cleanup;
  bool createrepo_on_rpms = false;
  Words createrepo_command;
  bool dynamic_buildrequires = true;
  int dynamic_buildrequires_max_loops = 10;
  int static_buildrequires_max_loops = 10;

  Plugins plugins;
};

}  // namespace plyroot::config
