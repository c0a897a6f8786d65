"""What the caller wants to have evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class CommandLine:
    """What the command line says about the configuration."""

    config_opts: list[str] = field(default_factory=list)
    plugin_options: list[str] = field(default_factory=list)
    enable_plugins: list[str] = field(default_factory=list)
    disable_plugins: list[str] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    enable_disable_repos: list[str] = field(default_factory=list)
    macros: list[str] = field(default_factory=list)
    rpm_with: list[str] = field(default_factory=list)
    rpm_without: list[str] = field(default_factory=list)
    rootdir: str | None = None
    resultdir: str | None = None
    uniqueext: str | None = None
    arch: str | None = None
    forcearch: str | None = None
    rpmbuild_arch: str | None = None
    rpmbuild_timeout: int | None = None
    rpmbuild_opts: str | None = None
    macrofile: str | None = None
    isolation: str | None = None
    package_manager: str | None = None
    offline: bool = False
    no_clean: bool = False
    no_check: bool = False
    post_install: bool = False
    enable_network: bool = False
    cleanup_after: bool | None = None
    use_bootstrap: bool | None = None
    verbosity: int = 1
    terminal: bool = False


@dataclass
class Request:
    """One evaluation. Paths are absolute; `handed` is explained in files.ConfigurationFiles."""

    task: str
    chroot: str
    config_directory: str
    home: str
    chroot_uid: int
    chroot_gid: int
    command_line: CommandLine
    handed: dict[str, int | None] = field(default_factory=dict)
    global_configs: list[str] | None = None
    user_configs: list[str] | None = None

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Request:
        return cls(**{**document, "command_line": CommandLine(**document["command_line"])})
