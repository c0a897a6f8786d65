#pragma once

#include <concepts>
#include <type_traits>

#include "config/config.hpp"
#include "config/request.hpp"

/// The fields of each type, listed once: JSON, the cache's binary form and the cache's key are all made from these.
/// `visit` is called with each field's name in the evaluator's JSON and the field.
namespace plyroot::config {

template <class Value, class Of>
concept SameBut = std::same_as<std::remove_const_t<Value>, Of>;

template <SameBut<Request> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("config_opts", value.config_opts);
  visit("plugin_options", value.plugin_options);
  visit("enable_plugins", value.enable_plugins);
  visit("disable_plugins", value.disable_plugins);
  visit("repositories", value.repositories);
  visit("enable_disable_repos", value.enable_disable_repos);
  visit("macros", value.macros);
  visit("rpm_with", value.rpm_with);
  visit("rpm_without", value.rpm_without);
  visit("rootdir", value.rootdir);
  visit("resultdir", value.resultdir);
  visit("uniqueext", value.uniqueext);
  visit("arch", value.arch);
  visit("forcearch", value.forcearch);
  visit("rpmbuild_arch", value.rpmbuild_arch);
  visit("rpmbuild_timeout", value.rpmbuild_timeout);
  visit("rpmbuild_opts", value.rpmbuild_opts);
  visit("macrofile", value.macrofile);
  visit("isolation", value.isolation);
  visit("package_manager", value.package_manager);
  visit("cleanup_after", value.cleanup_after);
  visit("use_bootstrap", value.use_bootstrap);
  visit("offline", value.offline);
  visit("no_clean", value.no_clean);
  visit("no_check", value.no_check);
  visit("post_install", value.post_install);
  visit("enable_network", value.enable_network);
  visit("verbosity", value.verbosity);
  visit("terminal", value.terminal);
}

template <SameBut<PackageManagerOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("command", value.command);
  visit("system_command", value.system_command);
  visit("install_command", value.install_command);
  visit("builddep_command", value.builddep_command);
  visit("common_opts", value.common_opts);
  visit("builddep_opts", value.builddep_opts);
  visit("disable_plugins", value.disable_plugins);
  visit("avoid_opts", value.avoid_opts);
}

template <SameBut<ModuleCommand> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("action", value.action);
  visit("modules", value.modules);
}

template <SameBut<PathPair> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("host_path", value.host_path);
  visit("chroot_path", value.chroot_path);
}

template <SameBut<FileSystemMount> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("device", value.device);
  visit("chroot_path", value.chroot_path);
  visit("type", value.type);
  visit("options", value.options);
}

template <SameBut<OverlayfsOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enable", value.enable);
  visit("base_dir", value.base_dir);
  visit("touch_rpmdb", value.touch_rpmdb);
  visit("touch_files", value.touch_files);
  visit("trace_hooks", value.trace_hooks);
}

template <SameBut<RootCacheOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enable", value.enable);
  visit("set_explicitly", value.set_explicitly);
}

template <SameBut<YumCacheOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enable", value.enable);
  visit("max_age_days", value.max_age_days);
  visit("max_metadata_age_days", value.max_metadata_age_days);
  visit("online", value.online);
}

template <SameBut<BindMountOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enable", value.enable);
  visit("dirs", value.dirs);
  visit("create_dirs", value.create_dirs);
}

template <SameBut<MountOptions> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enable", value.enable);
  visit("dirs", value.dirs);
}

template <SameBut<Plugins> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("enabled", value.enabled);
  visit("overlayfs", value.overlayfs);
  visit("root_cache", value.root_cache);
  visit("yum_cache", value.yum_cache);
  visit("bind_mount", value.bind_mount);
  visit("mount", value.mount);
  visit("tmpfs_enable", value.tmpfs_enable);
}

template <SameBut<Config> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("root", value.root);
  visit("shared_root", value.shared_root);
  visit("chroot_name", value.chroot_name);
  visit("config_file", value.config_file);
  visit("config_paths", value.config_paths);
  visit("description", value.description);
  visit("basedir", value.basedir);
  visit("rootdir", value.rootdir);
  visit("resultdir", value.resultdir);
  visit("cache_topdir", value.cache_topdir);
  visit("cachedir", value.cachedir);
  visit("log_config_file", value.log_config_file);
  visit("build_log_format", value.build_log_format);
  visit("root_log_format", value.root_log_format);
  visit("state_log_format", value.state_log_format);
  visit("stderr_line_prefix", value.stderr_line_prefix);
  visit("print_main_output", value.print_main_output);

  visit("host_arch", value.host_arch);
  visit("target_arch", value.target_arch);
  visit("repo_arch", value.repo_arch);
  visit("rpmbuild_arch", value.rpmbuild_arch);
  visit("legal_host_arches", value.legal_host_arches);
  visit("forcearch", value.forcearch);
  visit("qemu_user_static_mapping", value.qemu_user_static_mapping);
  visit("releasever", value.releasever);
  visit("dist", value.dist);

  visit("package_manager", value.package_manager);
  visit("package_managers", value.package_managers);
  visit("package_manager_conf", value.package_manager_conf);
  visit("package_manager_max_attempts", value.package_manager_max_attempts);
  visit("package_manager_attempt_delay", value.package_manager_attempt_delay);
  visit("warn_of_other_package_manager", value.warn_of_other_package_manager);
  visit("dnf_vars", value.dnf_vars);
  visit("priorities_conf", value.priorities_conf);
  visit("rhnplugin_conf", value.rhnplugin_conf);
  visit("subscription_manager_conf", value.subscription_manager_conf);
  visit("enable_disable_repos", value.enable_disable_repos);
  visit("online", value.online);
  visit("chroot_setup_cmd", value.chroot_setup_cmd);
  visit("chroot_additional_packages", value.chroot_additional_packages);
  visit("module_enable", value.module_enable);
  visit("module_install", value.module_install);
  visit("module_setup_commands", value.module_setup_commands);
  visit("user_agent", value.user_agent);
  visit("opstimeout", value.opstimeout);

  visit("isolation", value.isolation);
  visit("use_bootstrap", value.use_bootstrap);
  visit("use_bootstrap_image", value.use_bootstrap_image);
  visit("bootstrap_image", value.bootstrap_image);
  visit("chrootuid", value.chrootuid);
  visit("chrootgid", value.chrootgid);
  visit("chrootuser", value.chrootuser);
  visit("chrootgroup", value.chrootgroup);
  visit("chroothome", value.chroothome);
  visit("copy_host_users", value.copy_host_users);
  visit("environment", value.environment);
  visit("files", value.files);
  visit("extra_chroot_dirs", value.extra_chroot_dirs);
  visit("hostname", value.hostname);
  visit("use_host_resolv", value.use_host_resolv);
  visit("rpmbuild_networking", value.rpmbuild_networking);
  visit("internal_dev_setup", value.internal_dev_setup);
  visit("dev_loop_count", value.dev_loop_count);
  visit("no_root_shells", value.no_root_shells);
  visit("nosync", value.nosync);
  visit("nosync_force", value.nosync_force);
  visit("ssl_ca_bundle_path", value.ssl_ca_bundle_path);
  visit("ssl_copied_ca_trust_dirs", value.ssl_copied_ca_trust_dirs);
  visit("clean", value.clean);

  visit("macros", value.macros);
  visit("macrofile", value.macrofile);
  visit("more_buildreqs", value.more_buildreqs);
  visit("rpm_command", value.rpm_command);
  visit("rpmbuild_command", value.rpmbuild_command);
  visit("rpmbuild_opts", value.rpmbuild_opts);
  visit("rpmbuild_timeout", value.rpmbuild_timeout);
  visit("check", value.check);
  visit("post_install", value.post_install);
  visit("update_before_build", value.update_before_build);
  visit("cleanup_on_success", value.cleanup_on_success);
  visit("cleanup_on_failure", value.cleanup_on_failure);
  visit("exclude_from_homedir_cleanup", value.exclude_from_homedir_cleanup);
  visit("createrepo_on_rpms", value.createrepo_on_rpms);
  visit("createrepo_command", value.createrepo_command);
  visit("dynamic_buildrequires", value.dynamic_buildrequires);
  visit("dynamic_buildrequires_max_loops", value.dynamic_buildrequires_max_loops);
  visit("static_buildrequires_max_loops", value.static_buildrequires_max_loops);

  visit("plugins", value.plugins);
}

}  // namespace plyroot::config
