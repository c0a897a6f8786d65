"""Brings an evaluated configuration into the form that the C++ side reads, and checks the types on the way.

The names are the fields of `plyroot::config::Config`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from .defaults import PACKAGE_MANAGERS, PluginConfiguration
from .errors import ConfigurationError
from .options import ConfigOptions

DEFAULT_OVERLAYFS_BASE_DIR = "/var/lib/plyroot"


class Values:
    """A dictionary of the configuration whose values are taken out by type.

    `where` is what a user would write to reach it. Each accessor throws ConfigurationError, which names the key, what
    it holds and what was expected.
    """

    def __init__(self, values: Mapping[str, Any], where: str = "config_opts") -> None:
        self._values = values
        self._where = where

    def boolean(self, key: str, default: bool = False) -> bool:
        value = self._values.get(key, default)
        if value is None:
            return False
        if isinstance(value, str) and value.strip().lower() in ("true", "false", "1", "0", ""):
            return value.strip().lower() in ("true", "1")
        if isinstance(value, (bool, int)):
            return bool(value)
        raise self._wrong(key, value, "True or False")

    def number(self, key: str, default: int = 0) -> int:
        value = self._values.get(key, default)
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._wrong(key, value, "a whole number")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        raise self._wrong(key, value, "text")

    def optional_text(self, key: str) -> str | None:
        return None if self._values.get(key) in (None, False) else self.text(key)

    def path(self, key: str, default: str | None = None) -> str:
        value = self.text(key, default)
        if not value.startswith("/"):
            raise self._wrong(key, value, "a path that starts with /")
        return os.path.normpath(value)

    def optional_path(self, key: str) -> str | None:
        return self.path(key) if self._values.get(key) else None

    def texts(self, key: str) -> list[str]:
        """A list of texts; a single text is a list of one."""
        value = self._values.get(key)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if isinstance(value, (list, tuple, set)) and all(isinstance(item, (str, int)) for item in value):
            return [str(item) for item in (sorted(value) if isinstance(value, set) else value)]
        raise self._wrong(key, value, "a list of texts")

    def words(self, key: str) -> list[str]:
        """A list of texts, or one text whose words they are."""
        value = self._values.get(key)
        return value.split() if isinstance(value, str) else self.texts(key)

    def command(self, key: str) -> list[str]:
        """As `words`, with a shell's quotes."""
        value = self._values.get(key)
        try:
            return shlex.split(value) if isinstance(value, str) else self.texts(key)
        except ValueError as error:
            raise self._wrong(key, value, f"a command ({error})") from error

    def map_of(self, key: str, convert: Callable[[Values, str], Any]) -> dict[str, Any]:
        """A dictionary, its values taken out by `convert`."""
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a dictionary")
        inner = Values(value, f"{self._where}[{key!r}]")
        return {str(name): convert(inner, name) for name in value}

    def tuples(self, key: str, names: tuple[str, ...]) -> list[dict[str, str]]:
        """A list of tuples; `names` says what they hold."""
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            raise self._wrong(key, value, f"a list of ({', '.join(names)})")
        result = []
        for item in value:
            if not isinstance(item, (list, tuple)) or len(item) != len(names):
                raise self._wrong(key, item, f"a list of ({', '.join(names)})")
            result.append({name: str(part) for name, part in zip(names, item, strict=True)})
        return result

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            raise self._wrong(key, value, f"one of: {', '.join(choices)}")
        return value

    def inner(self, key: str) -> Values:
        """A dictionary in the dictionary; an empty one where there is none."""
        value = self._values.get(key)
        if not isinstance(value, (dict, type(None))):
            raise self._wrong(key, value, "a dictionary")
        return Values(value or {}, f"{self._where}[{key!r}]")

    def _wrong(self, key: str, value: Any, expected: str) -> ConfigurationError:
        if value is None and key not in self._values:
            return ConfigurationError(f"Error in configuration - {self._where}[{key!r}] must be present in your config.")
        shown = repr(value)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        return ConfigurationError(f"Config error: {self._where}[{key!r}] is {shown} ({type(value).__name__}), "
                                  f"expected {expected}")


def typed_configuration(options: ConfigOptions, shared_root: str, isolation: str) -> dict[str, Any]:
    """Throws ConfigurationError where a value has a type that cannot be used."""
    values = Values(options)
    return {
        **_identity(values, shared_root),
        **_architecture(values),
        **_package_management(values),
        **_root(values, isolation),
        **_build(values),
        "plugins": _plugins(options),
    }


def _identity(values: Values, shared_root: str) -> dict[str, Any]:
    cache_topdir = values.path("cache_topdir")
    return {
        "root": values.text("root"),
        "shared_root": shared_root,
        "chroot_name": values.text("chroot_name"),
        "config_file": values.text("config_file"),
        "config_paths": values.texts("config_paths"),
        "description": values.optional_text("description") or "",
        "basedir": values.path("basedir"),
        "rootdir": values.path("rootdir"),
        "resultdir": values.path("resultdir"),
        "cache_topdir": cache_topdir,
        "cachedir": os.path.join(cache_topdir, shared_root),
        "log_config_file": values.text("log_config_file"),
        "build_log_format": values.text("build_log_fmt_name"),
        "root_log_format": values.text("root_log_fmt_name"),
        "state_log_format": values.text("state_log_fmt_name"),
        "stderr_line_prefix": values.optional_text("stderr_line_prefix") or "",
        "print_main_output": values.boolean("print_main_output"),
    }


def _architecture(values: Values) -> dict[str, Any]:
    return {
        "host_arch": values.text("host_arch"),
        "target_arch": values.text("target_arch"),
        "repo_arch": values.text("repo_arch"),
        "rpmbuild_arch": values.text("rpmbuild_arch"),
        "legal_host_arches": values.words("legal_host_arches"),
        "forcearch": values.optional_text("forcearch"),
        "qemu_user_static_mapping": values.map_of("qemu_user_static_mapping", Values.text),
        "releasever": values.optional_text("releasever"),
        "dist": values.optional_text("dist") or "",
    }


def _package_management(values: Values) -> dict[str, Any]:
    manager = values.one_of("package_manager", ("dnf", *PACKAGE_MANAGERS))
    return {
        "package_manager": "dnf4" if manager == "dnf" else manager,
        "package_managers": {name: _package_manager(values, name) for name in PACKAGE_MANAGERS},
        "package_manager_conf": values.optional_text("dnf.conf") or "",
        "package_manager_max_attempts": values.number("package_manager_max_attempts"),
        "package_manager_attempt_delay": values.number("package_manager_attempt_delay"),
        "warn_of_other_package_manager": values.boolean("dnf_warning", True),
        "dnf_vars": values.map_of("dnf_vars", Values.text),
        "priorities_conf": values.optional_text("priorities.conf") or "",
        "rhnplugin_conf": values.optional_text("rhnplugin.conf") or "",
        "subscription_manager_conf": values.optional_text("subscription-manager.conf") or "",
        "enable_disable_repos": values.texts("enable_disable_repos"),
        "online": values.boolean("online"),
        "chroot_setup_cmd": values.words("chroot_setup_cmd"),
        "chroot_additional_packages": values.words("chroot_additional_packages"),
        "module_enable": values.words("module_enable"),
        "module_install": values.words("module_install"),
        "module_setup_commands": values.tuples("module_setup_commands", ("action", "modules")),
        "user_agent": values.optional_text("user_agent") or "",
        "opstimeout": values.number("opstimeout"),
    }


def _package_manager(values: Values, name: str) -> dict[str, Any]:
    return {
        "command": values.text(f"{name}_command"),
        "system_command": values.optional_text(f"{name}_system_command"),
        "install_command": values.words(f"{name}_install_command"),
        "builddep_command": values.optional_text(f"{name}_builddep_command"),
        "common_opts": values.words(f"{name}_common_opts"),
        "builddep_opts": values.words(f"{name}_builddep_opts"),
        "disable_plugins": values.words(f"{name}_disable_plugins"),
        "avoid_opts": values.map_of(f"{name}_avoid_opts", Values.texts),
    }


def _root(values: Values, isolation: str) -> dict[str, Any]:
    return {
        "isolation": isolation,
        "use_bootstrap": values.boolean("use_bootstrap"),
        "use_bootstrap_image": values.boolean("use_bootstrap_image"),
        "bootstrap_image": values.optional_text("bootstrap_image") or "",
        "chrootuid": _user_id(values, "chrootuid"),
        "chrootgid": _user_id(values, "chrootgid"),
        "chrootuser": values.text("chrootuser"),
        "chrootgroup": values.text("chrootgroup"),
        "chroothome": values.path("chroothome"),
        "copy_host_users": values.texts("copy_host_users"),
        "environment": values.map_of("environment", Values.optional_text),
        "files": values.map_of("files", Values.text),
        "extra_chroot_dirs": values.texts("extra_chroot_dirs"),
        "hostname": values.optional_text("hostname"),
        "use_host_resolv": values.boolean("use_host_resolv"),
        "rpmbuild_networking": values.boolean("rpmbuild_networking"),
        "internal_dev_setup": values.boolean("internal_dev_setup"),
        "dev_loop_count": values.number("dev_loop_count"),
        "no_root_shells": values.boolean("no_root_shells"),
        "nosync": values.boolean("nosync"),
        "nosync_force": values.boolean("nosync_force"),
        "ssl_ca_bundle_path": values.optional_text("ssl_ca_bundle_path"),
        "ssl_copied_ca_trust_dirs": values.tuples("ssl_copied_ca_trust_dirs", ("host_path", "chroot_path")),
        "clean": values.boolean("clean"),
    }


def _user_id(values: Values, key: str) -> int:
    number = values.number(key)
    if not 0 <= number < 2**32 - 1:
        raise ConfigurationError(f"Config error: config_opts[{key!r}] is {number}, which is no user or group id")
    return number


def _build(values: Values) -> dict[str, Any]:
    return {
        "macros": values.map_of("macros", Values.optional_text),
        "macrofile": values.optional_path("macrofile"),
        "more_buildreqs": values.map_of("more_buildreqs", Values.texts),
        "rpm_command": values.text("rpm_command"),
        "rpmbuild_command": values.text("rpmbuild_command"),
        "rpmbuild_opts": values.command("rpmbuild_opts"),
        "rpmbuild_timeout": values.number("rpmbuild_timeout"),
        "check": values.boolean("check"),
        "post_install": values.boolean("post_install"),
        "update_before_build": values.boolean("update_before_build"),
        "cleanup_on_success": values.boolean("cleanup_on_success"),
        "cleanup_on_failure": values.boolean("cleanup_on_failure"),
        "exclude_from_homedir_cleanup": values.texts("exclude_from_homedir_cleanup"),
        "createrepo_on_rpms": values.boolean("createrepo_on_rpms"),
        "createrepo_command": values.command("createrepo_command"),
        "dynamic_buildrequires": values.boolean("dynamic_buildrequires"),
        "dynamic_buildrequires_max_loops": values.number("dynamic_buildrequires_max_loops"),
        "static_buildrequires_max_loops": values.number("static_buildrequires_max_loops"),
    }


def _plugins(options: ConfigOptions) -> dict[str, Any]:
    configuration = options["plugin_conf"]
    if not isinstance(configuration, dict):
        raise ConfigurationError(f"Config error: config_opts['plugin_conf'] is {configuration!r}, "
                                 "expected a dictionary")
    values = Values(configuration, "config_opts['plugin_conf']")
    assigned = configuration.assigned if isinstance(configuration, PluginConfiguration) else set(configuration)
    overlayfs = values.inner("overlayfs_opts")
    yum_cache = values.inner("yum_cache_opts")
    bind_mount = values.inner("bind_mount_opts")
    suffix = "_enable"
    return {
        "enabled": {key.removesuffix(suffix): values.boolean(key) for key in configuration if key.endswith(suffix)},
        "overlayfs": {
            "enable": values.boolean("overlayfs_enable", True),
            "base_dir": overlayfs.path("base_dir", DEFAULT_OVERLAYFS_BASE_DIR),
            "touch_rpmdb": overlayfs.boolean("touch_rpmdb"),
            "touch_files": overlayfs.texts("touch_files"),
            "trace_hooks": overlayfs.boolean("trace_hooks"),
        },
        "root_cache": {
            "enable": values.boolean("root_cache_enable"),
            "set_explicitly": "root_cache_enable" in assigned,
        },
        "yum_cache": {
            "enable": values.boolean("yum_cache_enable"),
            "max_age_days": yum_cache.number("max_age_days", 30),
            "max_metadata_age_days": yum_cache.number("max_metadata_age_days", 30),
            "online": yum_cache.boolean("online", True),
        },
        "bind_mount": {
            "enable": values.boolean("bind_mount_enable"),
            "dirs": bind_mount.tuples("dirs", ("host_path", "chroot_path")),
            "create_dirs": bind_mount.boolean("create_dirs"),
        },
        "mount": {
            "enable": values.boolean("mount_enable"),
            "dirs": values.inner("mount_opts").tuples("dirs", ("device", "chroot_path", "type", "options")),
        },
        "tmpfs_enable": values.boolean("tmpfs_enable"),
    }


def whole_dictionary(options: ConfigOptions) -> dict[str, Any]:
    """All of `config_opts`, expanded, for what no field of its own holds. Without the run's own id, which must not be
    kept."""
    return {key: options[key] for key in sorted(options) if key != "mock_run_uuid"}


def json_form(value: Any) -> Any:
    """What JSON has no form for becomes a list (sets) or text."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)
