#pragma once

#include "config/config.hpp"

namespace plyroot {

/// A configuration as mock-core-configs has them, with mock's defaults for package managers.
inline config::Config sample_config() {
  const config::Words common{"--setopt=deltarpm=False", "--allowerasing"};
  config::Config config;
  config.root = config.shared_root = "fedora-41-x86_64";
  config.rootdir = "/var/lib/mock/fedora-41-x86_64/root";
  config.cachedir = "/var/cache/mock/fedora-41-x86_64";
  config.target_arch = "x86_64";
  config.releasever = "41";
  config.dist = "fc41";
  config.package_manager = "dnf5";
  config.package_managers["dnf4"].command = "/usr/bin/dnf-3";
  config.package_managers["dnf4"].common_opts = common;
  config.package_managers["dnf4"].disable_plugins = {"local"};
  config.package_managers["dnf5"].command = "/usr/bin/dnf5";
  config.package_managers["dnf5"].common_opts = common;
  config.package_managers["dnf5"].avoid_opts = {{"remove", {"--allowerasing"}}};
  config.package_managers["yum"].command = "/usr/bin/yum";
  config.package_managers["yum"].builddep_command = "/usr/bin/yum-builddep";
  config.package_managers["microdnf"].command = "/usr/bin/microdnf";
  config.package_managers["microdnf"].builddep_command = "/usr/bin/dnf";
  config.package_manager_conf = "[main]\nreposdir=/dev/null\n\n[fedora]\nname=Fedora\nbaseurl=http://example.org/f\n";
  config.chroot_setup_cmd = {"install", "@buildsys-build"};
  return config;
}

}  // namespace plyroot
