"""The keys that a configuration starts from, with the values that mock 6.7 gives them."""

from __future__ import annotations

import os
from typing import Any

MOCK_VERSION = "6.7"

PACKAGE_MANAGERS = ("dnf4", "dnf5", "yum", "microdnf")

PLUGINS = (
    "tmpfs", "root_cache", "yum_cache", "mount", "bind_mount", "ccache", "selinux", "package_state", "chroot_scan",
    "lvm_root", "compress_logs", "sign", "pm_request", "hw_info", "procenv", "showrc", "rpkg_preprocessor",
    "rpmautospec", "buildroot_lock", "export_buildroot_image", "unbreq", "expand_spec", "system_monitor", "overlayfs",
)  # fmt: skip

_PLUGINS_ON = {"root_cache", "yum_cache", "mount", "bind_mount", "selinux", "package_state", "hw_info", "overlayfs"}


class PluginConfiguration(dict[str, Any]):
    """`plugin_conf`: remembers which keys a configuration or the command line has set."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.assigned: set[str] = set()

    def __setitem__(self, key: str, value: Any) -> None:
        self.assigned.add(key)
        super().__setitem__(key, value)

    def update(self, *args: Any, **values: Any) -> None:
        for key, value in dict(*args, **values).items():
            self[key] = value


def aliases() -> dict[str, str]:
    """Names that stand for another key."""
    names = {name: "dnf.conf" for name in ("yum.conf", "dnf4.conf", "dnf5.conf")}
    for suffix in ("command", "common_opts", "install_command", "disable_plugins", "avoid_opts", "builddep_opts"):
        names[f"dnf_{suffix}"] = f"dnf4_{suffix}"
    for manager in PACKAGE_MANAGERS:
        names[f"system_{manager}_command"] = f"{manager}_system_command"
    names["system_dnf_command"] = "dnf4_system_command"
    return names


def default_options(chroot_uid: int, chroot_gid: int) -> dict[str, Any]:
    """All default values, made anew at each call because configurations change lists and dictionaries in place."""
    options: dict[str, Any] = {}
    for part in (_paths, _build, _images, _roots, _package_managers, _builds_from_scm):
        options.update(part())
    options.update(
        version=MOCK_VERSION,
        config_paths=[],
        host_arch=os.uname().machine,
        chrootuid=chroot_uid,
        chrootgid=chroot_gid,
        plugins=list(PLUGINS),
        plugin_dir="/usr/lib/python3/dist-packages/mockbuild/plugins",
        plugin_conf=PluginConfiguration(_plugin_configuration()),
    )
    return options


def _paths() -> dict[str, Any]:
    return {
        "basedir": "/var/lib/mock",
        "rootdir": "{{basedir}}/{{root}}/root",
        "resultdir": "{{basedir}}/{{root}}/result",
        "cache_topdir": "/var/cache/mock",
        "backup_on_clean": False,
        "backup_base_dir": "{{basedir}}/backup",
        "chroothome": "/builddir",
        "log_config_file": "logging.ini",
        "build_log_fmt_name": "unadorned",
        "root_log_fmt_name": "detailed",
        "state_log_fmt_name": "state",
        "stderr_line_prefix": "",
        "tar": "gnutar",
        "tar_binary": "/bin/tar",
    }


def _build() -> dict[str, Any]:
    return {
        "clean": True,
        "check": True,
        "post_install": False,
        "cleanup_on_success": True,
        "cleanup_on_failure": True,
        "exclude_from_homedir_cleanup": ["build/SOURCES", ".bash_history", ".bashrc"],
        "createrepo_on_rpms": False,
        "createrepo_command": "/usr/bin/createrepo_c -d -q -x *.src.rpm",
        "rpm_command": "/bin/rpm",
        "rpmbuild_command": "/usr/bin/rpmbuild",
        "rpmbuild_timeout": 0,
        "rpmbuild_arch": None,
        "rpmbuild_networking": False,
        "opstimeout": 0,
        "update_before_build": True,
        "more_buildreqs": {},
        "additional_packages": None,
        "dynamic_buildrequires": True,
        "dynamic_buildrequires_max_loops": 10,
        "static_buildrequires_max_loops": 10,
        "external_buildrequires": False,
        "macros": {
            "%_topdir": "/builddir/build",
            "%_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        },
        "calculatedeps": None,
        "hermetic_build": False,
        "recursion_limit": 5000,
    }


def _images() -> dict[str, Any]:
    options: dict[str, Any] = {
        "use_bootstrap": True,
        "use_bootstrap_image": True,
        "bootstrap_image": "fedora:latest",
        "bootstrap_chroot_additional_packages": [],
        "bootstrap_module_enable": [],
        "bootstrap_module_install": [],
        "bootstrap_module_setup_commands": [],
        "use_buildroot_image": False,
        "buildroot_image": None,
        "oci_platform_map": {f"x86_64_v{level}": f"linux/amd64/v{level}" for level in (2, 3, 4)},
    }
    for image, fallback in (("bootstrap", True), ("buildroot", False)):
        options |= {
            f"{image}_image_skip_pull": False,
            f"{image}_image_ready": False,
            f"{image}_image_fallback": fallback,
            f"{image}_image_keep_getting": 120,
            f"{image}_image_pull_timeout": 120,
            f"{image}_image_assert_digest": None,
        }
    return options


def _roots() -> dict[str, Any]:
    return {
        "target_arch": "i386",
        "repo_arch": None,
        "repo_arch_map": {},
        "forcearch": None,
        "releasever": None,
        "qemu_user_static_mapping": {"armv7hl": "arm", "i686": "i386"},
        "chrootgroup": "mock",
        "chrootuser": "mockbuild",
        "chroot_setup_cmd": ("groupinstall", "buildsys-build"),
        "chroot_additional_packages": [],
        "extra_chroot_dirs": [],
        "copy_host_users": [],
        "files": {},
        "environment": {
            "TERM": "vt100",
            "SHELL": "/bin/bash",
            "HOME": "/builddir",
            "HOSTNAME": "mock",
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PROMPT_COMMAND": r'printf "\033]0;<mock-chroot>\007"',
            "PS1": r"<mock-chroot> \s-\v\$ ",
            "LANG": "C.UTF-8",
        },
        "isolation": None,
        "use_nspawn": None,
        "nspawn_args": ["--capability=cap_ipc_lock"],
        "seccomp": False,
        "internal_dev_setup": True,
        "dev_loop_count": 12,
        "no_root_shells": False,
        "hostname": None,
        "use_container_host_hostname": True,
        "use_host_resolv": False,
        "use_host_shadow_utils": True,
        "shadow_utils_isolation_option": "--prefix",
        "nosync": False,
        "nosync_force": False,
        "redhat_subscription_required": False,
        "ssl_ca_bundle_path": None,
        "ssl_extra_certs": None,
        "ssl_copied_ca_trust_dirs": [
            ("/etc/pki/ca-trust", "/etc/pki/ca-trust"),
            ("/usr/share/pki/ca-trust-source", "/usr/share/pki/ca-trust-source"),
        ],
        "no-config": {},
    }


def _package_managers() -> dict[str, Any]:
    common = ["--setopt=deltarpm=False", "--setopt=allow_vendor_change=yes", "--allowerasing"]
    # dnf5 refuses --allowerasing with these of its subcommands.
    strict = ("remove", "repoquery", "makecache", "search", "info", "download")
    return {
        "package_manager": "dnf",
        "package_manager_max_attempts": 1,
        "package_manager_attempt_delay": 10,
        "online": True,
        "user_agent": "Mock ({{ root }}; {{ target_arch }})",
        "dnf_vars": {},
        "module_enable": [],
        "module_install": [],
        "module_setup_commands": [],
        "priorities.conf": "\n[main]\nenabled=0",
        "rhnplugin.conf": "\n[main]\nenabled=0",
        "subscription-manager.conf": "",
        "dnf4_command": "/usr/bin/dnf-3",
        "dnf4_system_command": "/usr/bin/dnf-3",
        "dnf4_common_opts": list(common),
        "dnf4_install_command": "install python3-dnf python3-dnf-plugins-core",
        "dnf4_disable_plugins": ["local", "spacewalk", "versionlock"],
        "dnf4_avoid_opts": {},
        "dnf5_command": "/usr/bin/dnf5",
        "dnf5_system_command": "/usr/bin/dnf5",
        "dnf5_common_opts": list(common),
        "dnf5_install_command": "install dnf5 dnf5-plugins",
        "dnf5_disable_plugins": [],
        "dnf5_avoid_opts": {subcommand: ["--allowerasing"] for subcommand in strict},
        "yum_command": "/usr/bin/yum",
        "yum_system_command": "/usr/bin/yum",
        "yum_common_opts": [],
        "yum_install_command": "install yum yum-utils",
        "yum_builddep_command": "/usr/bin/yum-builddep",
        "yum_builddep_opts": [],
        "yum_avoid_opts": {},
        "microdnf_command": "/usr/bin/microdnf",
        "microdnf_common_opts": [],
        "microdnf_install_command": "dnf-install microdnf dnf dnf-plugins-core",
        "microdnf_builddep_command": "/usr/bin/dnf",
        "microdnf_builddep_opts": [],
        "microdnf_avoid_opts": {},
    }


def _builds_from_scm() -> dict[str, Any]:
    return {
        "scm": False,
        "scm_opts": {
            "method": "git",
            "cvs_get": "cvs -d /srv/cvs co SCM_BRN SCM_PKG",
            "git_get": "git clone SCM_BRN git://localhost/SCM_PKG.git SCM_PKG",
            "svn_get": "svn co file:///srv/svn/SCM_PKG/SCM_BRN SCM_PKG",
            "distgit_get": "rpkg clone -a --branch SCM_BRN SCM_PKG SCM_PKG",
            "distgit_src_get": "rpkg sources",
            "spec": "SCM_PKG.spec",
            "int_src_dir": None,
            "ext_src_dir": os.devnull,
            "write_tar": False,
            "git_timestamps": False,
            "exclude_vcs": True,
        },
    }


def _plugin_configuration() -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {
        "ccache": {
            "max_cache_size": "4G",
            "compress": None,
            "dir": "{{cache_topdir}}/{{root}}/ccache/u{{chrootuid}}/",
            "hashdir": True,
            "debug": False,
            "show_stats": False,
        },
        "yum_cache": {"max_age_days": 30, "max_metadata_age_days": 30, "online": True},
        "root_cache": {
            "age_check": True,
            "max_age_days": 15,
            "dir": "{{cache_topdir}}/{{root}}/root_cache/",
            "compress_program": "pigz",
            "decompress_program": None,
            "exclude_dirs": ["./proc", "./sys", "./dev", "./tmp/ccache", "./var/cache/yum", "./var/cache/dnf",
                             "./var/log"],
            "extension": ".gz",
        },
        "bind_mount": {"dirs": [], "create_dirs": False},
        "mount": {"dirs": []},
        "tmpfs": {"required_ram_mb": 900, "max_fs_size": None, "mode": "0755", "keep_mounted": False},
        "package_state": {"available_pkgs": False, "installed_pkgs": True},
        "lvm_root": {"pool_name": "mockbuild"},
        "chroot_scan": {"regexes": [r"^[^k]?core(\.\d+)?$", r"\.log$"], "only_failed": True, "write_tar": False},
        "sign": {"cmd": "rpmsign", "opts": "--addsign %(rpms)s"},
        "compress_logs": {"command": "gzip"},
        "rpkg_preprocessor": {
            "requires": ["preproc-rpmspec"],
            "cmd": "/usr/bin/preproc-rpmspec %(source_spec)s --output %(target_spec)s",
        },
        "rpmautospec": {"requires": ["rpmautospec"], "cmd_base": ["/usr/bin/rpmautospec", "process-distgit"]},
        "unbreq": {"exclude_accessed_files": []},
        "expand_spec": {"rpmspec_opts": []},
        "system_monitor": {"interval": 2},
    }
    configuration: dict[str, Any] = {}
    for plugin in PLUGINS:
        configuration[f"{plugin}_enable"] = plugin in _PLUGINS_ON
        configuration[f"{plugin}_opts"] = options.get(plugin, {})
    return configuration
