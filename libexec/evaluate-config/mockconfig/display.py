"""What --debug-config and --list-chroots print."""

from __future__ import annotations

import glob
import os
from pprint import pformat

from .errors import ConfigurationError
from .loading import CHROOT_ALIASES, SITE_DEFAULTS, Evaluation, default_configuration, load_configuration
from .options import ConfigOptions

NAME_WIDTH = 34


def debug_text(evaluation: Evaluation, options: ConfigOptions, expand: bool) -> str:
    """Assignments for all that differs from the defaults, in the order of the keys."""
    defaults = default_configuration(evaluation)
    options.expand = defaults.expand = expand
    lines = []
    for key in sorted(options):
        value = options[key]
        if key not in defaults or value != defaults[key]:
            lines.append(f"config_opts['{key}'] = {pformat(value)}\n")
    return "".join(lines)


def list_chroots(evaluation: Evaluation) -> str:
    """All configurations of the configuration directory, then the user's own, each with its description."""
    request = evaluation.request
    not_chroots = {os.path.join(request.config_directory, name) for name in (SITE_DEFAULTS, CHROOT_ALIASES)}
    global_configs = request.global_configs
    if global_configs is None:
        global_configs = glob.glob(os.path.join(glob.escape(request.config_directory), "*.cfg"))
    user_configs = request.user_configs
    if user_configs is None:
        user_configs = glob.glob(os.path.join(glob.escape(request.home), ".config/mock/*.cfg"))
    lines = [_line("config name", "description"), "Global configs:"]
    lines += [_described(evaluation, file) for file in sorted(global_configs) if file not in not_chroots]
    lines += ["Custom configs:"]
    lines += [_described(evaluation, file) for file in sorted(user_configs)]
    return "".join(f"{line}\n" for line in lines)


def _described(evaluation: Evaluation, file: str) -> str:
    try:
        description = load_configuration(evaluation, file).get("description", "")
    except ConfigurationError:
        description = "error during parsing the config file"
    return _line(os.path.splitext(os.path.basename(file))[0], str(description))


def _line(name: str, description: str) -> str:
    return f"{name.ljust(NAME_WIDTH)} {description}"
