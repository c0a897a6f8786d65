"""Running other programs, and the one error type of the maker."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Which Debian package has the tool: what a user has to install, not what the tool is called.
DEBIAN_PACKAGE_OF = {
    "apt-get": "apt",
    "apt-config": "apt",
    "dpkg-deb": "dpkg",
    "rpmbuild": "rpm",
    "createrepo_c": "createrepo-c",
}

LAST_LINES_OF_OUTPUT = 25


class MakerError(Exception):
    """What was tried, why it failed, and what to do about it."""

    def __init__(self, tried: str, why: str, advice: str = "") -> None:
        super().__init__(tried, why, advice)

    def __str__(self) -> str:
        tried, why, advice = self.args
        return f"{tried}: {why}" + (f"\n  {advice}" if advice else "")


def require_tools() -> None:
    """Complains of all missing tools at once, each with the Debian package that has it."""
    missing = sorted({package for tool, package in DEBIAN_PACKAGE_OF.items() if not shutil.which(tool)})
    if missing:
        names = sorted(tool for tool in DEBIAN_PACKAGE_OF if not shutil.which(tool))
        raise MakerError(
            "looking for the tools that make an RPM distribution",
            f"not installed: {', '.join(names)}",
            f"apt-get install {' '.join(missing)}",
        )


def run(
    argv: Sequence[str | Path],
    *,
    tried: str,
    advice: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs a program to its end and returns its standard output; failing is a MakerError with its last words."""
    arguments = [str(argument) for argument in argv]
    result = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        last_words = (result.stdout + result.stderr).splitlines()[-LAST_LINES_OF_OUTPUT:]
        raise MakerError(
            tried,
            "\n    ".join([f"exit code {result.returncode} from {shlex.join(arguments)[:400]}", *last_words]),
            advice,
        )
    return result.stdout


def say(message: str) -> None:
    """Tells what is going on, on standard error: standard output is for answers."""
    print(f"make-rpm-distro: {message}", file=sys.stderr, flush=True)
