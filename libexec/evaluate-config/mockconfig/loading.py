"""Finds and reads the files of one configuration, in mock's order."""

from __future__ import annotations

import functools
import grp
import os
import re
import socket
import uuid
from dataclasses import dataclass

from .defaults import aliases, default_options
from .errors import CommandLineError, ConfigurationError, Notices
from .files import ConfigurationFiles
from .includes import ConfigurationReader
from .options import ConfigOptions
from .recording import HOST_NAME_SOURCES, Recorder
from .request import Request

SITE_DEFAULTS = "site-defaults.cfg"
CHROOT_ALIASES = "chroot-aliases.cfg"


@dataclass
class Evaluation:
    """What one evaluation works with."""

    request: Request
    recorder: Recorder
    files: ConfigurationFiles
    notices: Notices


def default_configuration(evaluation: Evaluation) -> ConfigOptions:
    """`config_opts` before any file is read."""

    def note_random_value(key: str) -> None:
        if key == "mock_run_uuid":
            evaluation.recorder.cannot_repeat("it takes random numbers")

    request = evaluation.request
    options = ConfigOptions(aliases(), note_random_value)
    options.update(default_options(request.chroot_uid, request.chroot_gid))
    try:
        options["chrootgid"] = grp.getgrnam("mock").gr_gid
    except KeyError:
        pass  # the ordinary user's group is as good where there is no mock
    with evaluation.recorder.paused():
        options["mock_run_uuid"] = str(uuid.uuid4())
    return options


def load_configuration(evaluation: Evaluation, chroot: str) -> ConfigOptions:
    """Reads all files for `chroot`, a name or the path of a file that ends in .cfg, and turns templates on.

    Throws ConfigurationError.
    """
    request, files = evaluation.request, evaluation.files
    options = default_configuration(evaluation)
    path = chroot_file(evaluation, chroot)
    options["config_path"] = request.config_directory
    options["chroot_name"] = os.path.splitext(os.path.basename(path))[0] if chroot.endswith(".cfg") else chroot
    options["config_file"] = path

    reader = ConfigurationReader(options, request.config_directory, files, evaluation.notices)

    def read(file: str) -> None:
        reader.read(file)
        _check_macros(options)

    for name in (SITE_DEFAULTS, CHROOT_ALIASES):
        file = os.path.join(request.config_directory, name)
        if files.exists(file):
            read(file)
    if not files.exists(path):
        raise _no_such_configuration(evaluation, options, chroot, path)
    read(path)
    for name in (".mock/user.cfg", ".config/mock.cfg"):
        file = os.path.join(request.home, name)
        if files.exists(file):
            read(file)

    if options["use_container_host_hostname"] and "%_buildhost" not in options["macros"]:
        options["macros"]["%_buildhost"] = host_name(evaluation.recorder)
    if "use_bootstrap_container" in options:
        evaluation.notices.warning("config_opts['use_bootstrap_container'] is deprecated, "
                                   "please use config_opts['use_bootstrap'] instead")
        options["use_bootstrap"] = options["use_bootstrap_container"]
    options.expand = True
    return options


def chroot_file(evaluation: Evaluation, chroot: str) -> str:
    """The path of the file that describes `chroot`; there may be none."""
    if chroot.endswith(".cfg"):
        return chroot
    own = os.path.join(evaluation.request.home, ".config/mock", f"{chroot}.cfg")
    if evaluation.files.exists(own):
        return own
    return os.path.join(evaluation.request.config_directory, f"{chroot}.cfg")


@functools.cache
def _qualified_host_name() -> str:
    return socket.getfqdn()


def host_name(recorder: Recorder) -> str:
    """The host's full name. Where it comes from the network it may change unseen, which does no harm here."""
    for file in HOST_NAME_SOURCES:
        recorder.file(file)
    with recorder.paused():
        return _qualified_host_name()


def _check_macros(options: ConfigOptions) -> None:
    """Macros have a name of one word and a value; the leading % may be left out."""
    macros = options["macros"]
    if not isinstance(macros, dict):
        raise ConfigurationError(f"Config error: config_opts['macros'] is {macros!r}, expected a dictionary")
    for name, value in list(macros.items()):
        if not isinstance(name, str) or len(name.split()) != 1 or (not value and value is not None):
            raise CommandLineError(f"Bad macros 'config_opts['macros']['{name}'] = ['{value}']'")
        if not name.startswith("%"):
            macros[f"%{name}"] = macros.pop(name)


def _no_such_configuration(
    evaluation: Evaluation, options: ConfigOptions, chroot: str, path: str
) -> ConfigurationError:
    hints = [f"Could not find required config file: {path}"]
    alternatives = _alternatives(evaluation, options, chroot)
    if alternatives:
        return ConfigurationError(f"Mock config '{chroot}' not found, but there are alternatives", hints + alternatives)
    if chroot == "default":
        hints.append("  Did you forget to specify the chroot to use with '-r'?")
    if "/" in path:
        hints.append("  If you're trying to specify a path, include the .cfg extension, e.g. -r ./target.cfg")
    return ConfigurationError(f"Non-existing Mock config '{chroot}'", hints)


def _alternatives(evaluation: Evaluation, options: ConfigOptions, chroot: str) -> list[str]:
    """What to use in place of a configuration that has been replaced by several (epel-8-x86_64, say)."""
    match = re.fullmatch(r"([\w-]+-\w+)-(\w+)", chroot)
    replaced = options["no-config"].get(match[1]) if match else None
    if not match or not replaced:
        return []
    lines: list[str] = []
    for name, alternative in replaced["alternatives"].items():
        file = os.path.join(evaluation.request.config_directory, f"{name}-{match[2]}.cfg")
        if not evaluation.files.exists(file):
            continue
        lines += ["", f"  -r {name}-{match[2]}", *(f"    {line}" for line in alternative["description"]),
                  f"    Enable permanently by: ln -s {file} ~/.config/mock/{chroot}.cfg"]
    return ["There are those alternatives:", *lines] if lines else []
