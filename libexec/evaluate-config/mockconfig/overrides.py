"""Applies the command line to a configuration, as mock does: same values, same order."""

from __future__ import annotations

import ast
import glob
import os
import re
import shlex
from typing import Any

from .defaults import PLUGINS
from .errors import CommandLineError, ConfigurationError, Notices
from .options import ConfigOptions
from .request import CommandLine

ISOLATIONS = ("auto", "simple", "nspawn")

_WORDS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}


def apply_command_line(options: ConfigOptions, line: CommandLine) -> None:
    """Throws CommandLineError for an option that cannot be applied, ConfigurationError without config_opts['root']."""
    options.update(_config_opts(line.config_opts))
    options["verbose"] = line.verbosity
    if options.get("print_main_output") is None:
        options["print_main_output"] = line.verbosity > 0 and line.terminal
    _apply_architecture(options, line)
    _apply_build_options(options, line)
    _apply_plugins(options, line)
    isolation(options, line)
    if line.enable_network:
        options["rpmbuild_networking"] = True
        options["use_host_resolv"] = True
    if "root" not in options:
        raise ConfigurationError("Error in configuration - config_opts['root'] must be present in your config.")
    _decide_on_cleaning_up(options, line)
    options["cache_alterations"] = False
    options["online"] = not line.offline
    if line.package_manager:
        options["package_manager"] = line.package_manager
    options["enable_disable_repos"] = line.enable_disable_repos


def finish(options: ConfigOptions, line: CommandLine, notices: Notices) -> str:
    """What mock derives once the command line is applied: architecture, the root's name, repositories, environment.

    Returns the root's name without uniqueext. Plugins see that name in their options: caches are shared.
    """
    _find_subscription(options)
    _choose_emulation(options, notices)
    shared_root = options["root"]
    if not isinstance(shared_root, str):
        raise ConfigurationError(f"Config error: config_opts['root'] is {shared_root!r}, expected text")
    options["plugin_conf"]  # rendered in place, while `root` still is the shared name
    if line.uniqueext:
        options["unique-ext"] = line.uniqueext
    if options.get("unique-ext"):
        options["root"] = f"{shared_root}-{options['unique-ext']}"
        options.follow("root", options["unique-ext"])
        options.follow("environment", options["unique-ext"])  # what is put there below is rendered already
    if "%(" in options["resultdir"]:
        options["resultdir"] = _old_style_expanded(options["resultdir"], options, notices)
    _complete_environment(options)
    _add_repositories(options, line.repositories)
    return shared_root


def _config_opts(assignments: list[str]) -> dict[str, Any]:
    """--config-opts KEY=VALUE: repeated keys make a list; a second, empty value makes a list of one."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise CommandLineError(f"Bad option for '--config-opts' ({assignment}).  Use --config-opts 'key=value'")
        value = _plain_value(text)
        if key not in values:
            values[key] = value
        elif isinstance(values[key], list):
            values[key].append(value)
        else:
            values[key] = [values[key]] if value == "" else [values[key], value]
    return values


def _plain_value(text: str) -> Any:
    """--config-opts knows booleans, None and whole numbers; all else is text."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        return int(text)
    except ValueError:
        return text


def _apply_architecture(options: ConfigOptions, line: CommandLine) -> None:
    if line.arch:
        options["target_arch"] = line.arch
    if line.rpmbuild_arch:
        options["rpmbuild_arch"] = line.rpmbuild_arch
    elif options["rpmbuild_arch"] is None:
        options["rpmbuild_arch"] = options["target_arch"]
    if line.forcearch:
        options["forcearch"] = line.forcearch
    if not options["repo_arch"]:
        target = options["target_arch"]
        options["repo_arch"] = options["repo_arch_map"].get(target, target)


def _apply_build_options(options: ConfigOptions, line: CommandLine) -> None:
    if line.no_clean:
        options["clean"] = False
    if line.no_check:
        options["check"] = False
    if line.post_install:
        options["post_install"] = True
    for macro in line.macros + _conditionals(line):
        name, _, value = macro.strip().partition(" ")
        if not name or not value:
            raise CommandLineError(f"Bad option for '--define' ({macro}).  Use --define 'macro expr'")
        options["macros"][name if name.startswith("%") else f"%{name}"] = value
    for key in ("macrofile", "resultdir", "rootdir"):
        if path := getattr(line, key):
            options[key] = path
    if line.rpmbuild_timeout is not None:
        options["rpmbuild_timeout"] = line.rpmbuild_timeout
    if line.rpmbuild_opts:
        options["rpmbuild_opts"] = _checked_words("--rpmbuild-opts", line.rpmbuild_opts)
    if line.use_bootstrap is not None:
        options["use_bootstrap"] = line.use_bootstrap


def _conditionals(line: CommandLine) -> list[str]:
    """--with and --without as the macros that %bcond looks for."""
    return [
        f"_{kind}_{conditional.replace('-', '_')} --{kind}-{conditional}"
        for kind, conditionals in (("with", line.rpm_with), ("without", line.rpm_without))
        for conditional in conditionals
    ]


def _checked_words(option: str, text: str) -> str:
    """The text, if it is words with a shell's quotes. Throws CommandLineError."""
    try:
        shlex.split(text)
    except ValueError as error:
        raise CommandLineError(f"Bad option for '{option}' ({text}): {error}") from error
    return text


def _apply_plugins(options: ConfigOptions, line: CommandLine) -> None:
    known = set(options["plugins"]) | set(PLUGINS)
    configuration = options["plugin_conf"]
    for option, plugins, enabled in (
        ("--disable-plugin", line.disable_plugins, False),
        ("--enable-plugin", line.enable_plugins, True),
    ):
        for plugin in plugins:
            if plugin not in known:
                raise CommandLineError(f"Bad option for '{option}={plugin}'. Expecting one of: {options['plugins']}")
            configuration[f"{plugin}_enable"] = enabled
    for assignment in line.plugin_options:
        match = re.fullmatch(r"([^:]*):([^=]*)=(.*)", assignment, re.DOTALL)
        if not match:
            raise CommandLineError(f"Bad option for '--plugin-option' ({assignment}).  "
                                   "Use --plugin-option 'plugin:key=value'")
        plugin, key, text = match.groups()
        if plugin not in known:
            raise CommandLineError(f"Bad option for '--plugin-option' ({assignment}).  No such plugin: {plugin}")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            value = text
        configuration.setdefault(f"{plugin}_opts", {})[key] = value


def isolation(options: ConfigOptions, line: CommandLine) -> str:
    """The isolation asked for; `use_nspawn` is the old name of the same. Throws CommandLineError, ConfigurationError."""
    if line.isolation is not None:
        if line.isolation not in ISOLATIONS:
            raise CommandLineError(f"Bad option for '--isolation'. Unknown value: {line.isolation}")
        return line.isolation
    if options["isolation"] is not None:
        if options["isolation"] not in ISOLATIONS:
            raise ConfigurationError(f"Config error: config_opts['isolation'] is {options['isolation']!r}, "
                                     f"expected one of: {', '.join(ISOLATIONS)}")
        return options["isolation"]
    return {True: "nspawn", False: "simple"}.get(options["use_nspawn"], "auto")


def _decide_on_cleaning_up(options: ConfigOptions, line: CommandLine) -> None:
    """Whether the root is cleaned after a build.

    As in mock not where the results lie beside the root, unless the command line asks for it: the results stay here.
    Nor where what was built is to be installed: it is to be found there afterwards.
    """
    if line.cleanup_after is not None:
        options["cleanup_on_success"] = options["cleanup_on_failure"] = line.cleanup_after
        return
    if options["post_install"]:
        options["cleanup_on_success"] = False
    beside_root = os.path.abspath(os.path.join(options["basedir"], options["root"]))
    results = os.path.abspath(options["resultdir"])
    if os.path.commonpath([beside_root, results]) == beside_root:
        options["cleanup_on_success"] = False
        options["cleanup_on_failure"] = False


def _find_subscription(options: ConfigOptions) -> None:
    """Red Hat's repositories need the key of a subscribed host; templates refer to its name."""
    if not options["redhat_subscription_required"] or "redhat_subscription_key_id" in options:
        return
    directory = "/etc/pki/entitlement"
    if not os.path.isdir(directory):
        raise ConfigurationError(f"{directory} is not a directory; is subscription-manager installed?")
    keys = sorted(glob.glob(os.path.join(directory, "*-key.pem")))
    if not keys:
        raise ConfigurationError(f"No key found in {directory}: this host is not subscribed.",
                                 ["  Subscribe it with: subscription-manager register"])
    options["redhat_subscription_key_id"] = os.path.basename(keys[0]).partition("-")[0]


def _choose_emulation(options: ConfigOptions, notices: Notices) -> None:
    """Architectures that the host cannot run are emulated."""
    if "legal_host_arches" not in options:
        return
    if options["host_arch"] not in options["legal_host_arches"] and not options["forcearch"]:
        arch = options["rpmbuild_arch"]
        notices.info(f"Unable to build arch {arch} natively on arch {options['host_arch']}. "
                     "Setting forcearch to use software emulation.")
        options["forcearch"] = arch
    options["macros"].setdefault("%_platform_multiplier", 10 if options["forcearch"] else 1)


def _old_style_expanded(path: str, options: ConfigOptions, notices: Notices) -> str:
    """A path with %(name)s in it, from before there were templates."""
    notices.warning(f"Obsoleted %(foo) config expansion in '{path}', use Jinja alternative {{{{foo}}}}")
    options.computes_with_followed = True  # "%(root).8s"
    try:
        return path % options
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"Config error: config_opts['resultdir'] cannot be expanded: "
                                 f"{type(error).__name__}: {error}") from error


def _complete_environment(options: ConfigOptions) -> None:
    environment = options["environment"]
    if not isinstance(environment, dict):
        raise ConfigurationError(f"Config error: config_opts['environment'] is {environment!r}, expected a dictionary")
    environment["HOME"] = options["chroothome"]
    for protocol in ("http", "https", "ftp", "no"):
        key = f"{protocol}_proxy"
        if value := options.get(key) or os.environ.get(key):
            environment[key] = value


def _add_repositories(options: ConfigOptions, locations: list[str]) -> None:
    """--addrepo: sections at the end of the package manager's configuration."""
    names: set[str] = set()
    for location in locations:
        name = _repository_name(location, names)
        names.add(name)
        settings = {
            "name": location,
            "baseurl": location,
            "enabled": 1,
            "skip_if_unavailable": 0,
            "metadata_expire": 0,
            "gpgcheck": 0,
            "cost": 1,
            "best": 1,
            "module_hotfixes": "true",
        }
        section = "".join(f"{key}={value}\n" for key, value in settings.items())
        options["dnf.conf"] = f"{options.get('dnf.conf', '')}\n\n[{name}]\n{section}"


def _repository_name(location: str, taken: set[str]) -> str:
    """A repository id made of its address."""
    protocol, separator, path = location.partition("://")
    name = re.sub(r"[^a-zA-Z0-9_]", "", (path if separator else protocol).replace("/", "_"))
    if name not in taken:
        return name
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"
