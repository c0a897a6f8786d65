"""The closure of the wanted packages, by apt against an empty system, and its download.

apt runs on a configuration of its own, made of the host's: sources, proxies and keys are the host's, while status,
caches and hooks are not, so that neither the host's packages nor its lists change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import MakerError, run, say

_HOST_LISTS = Path("/var/lib/apt/lists")

# What of the host's configuration is not carried over: its state, and hooks that touch its caches.
_NOT_CARRIED = re.compile(
    r"APT::Update::(Pre|Post)-Invoke|APT::Sandbox|DPkg::|RPM::|Dir::(State|Cache|Log)|Dir::Etc::(parts|main)\b"
)
_URI_LINE = re.compile(r"^'[^']+' (?P<file>\S+\.deb) (?P<size>\d+)")

_ADVICE = "look at the host's own sources: `apt-get update` must work"


@dataclass(frozen=True)
class Apt:
    """apt with its state below `directory`."""

    directory: Path

    @property
    def archives(self) -> Path:
        return self.directory.parent / "debs"

    @property
    def own_lists(self) -> Path:
        return self.directory / "lists"

    def prepare(self) -> None:
        for path in (self.archives, self.own_lists, self.directory / "none"):
            (path / "partial").mkdir(parents=True, exist_ok=True)
        (self.directory / "no-parts").mkdir(exist_ok=True)
        (self.directory / "status").write_text("")

    def run(self, arguments: Sequence[str], *, lists: Path, archives: Path, tried: str) -> str:
        configuration = self.directory / "apt.conf"
        configuration.write_text(self._configuration(lists, archives))
        return run(
            ["apt-get", *arguments], tried=tried, advice=_ADVICE, environment={"APT_CONFIG": str(configuration)}
        )

    def _configuration(self, lists: Path, archives: Path) -> str:
        carried = run(["apt-config", "dump"], tried="reading apt's configuration").splitlines()
        own = {
            "Dir::State": self.directory,
            "Dir::State::status": self.directory / "status",
            "Dir::State::lists": f"{lists}/",
            "Dir::Cache": self.directory,
            "Dir::Cache::archives": f"{archives}/",
            "Dir::Log": self.directory,
            # All of the host's configuration is in this file already.
            "Dir::Etc::parts": self.directory / "no-parts",
            "Dir::Etc::main": self.directory / "no-main",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            # The maker has a lock of its own, and never writes to the host's lists.
            "Debug::NoLocking": "true",
        }
        lines = [line for line in carried if not _NOT_CARRIED.match(line)]
        lines += [f'{name} "{value}";' for name, value in own.items()]
        return "\n".join(lines) + "\n"


def download_closure(apt: Apt, names: Sequence[str]) -> list[Path]:
    """The .deb files of the packages and all that they need. What is there already is not fetched again."""
    apt.prepare()
    if _has_lists(_HOST_LISTS):
        try:
            return _download(apt, names, _HOST_LISTS)
        except MakerError as error:
            say(f"the host's package lists do not do ({str(error).splitlines()[0]}); fetching own ones")
    # Without this apt calls it a success when it fetched nothing at all.
    strict = ["-o", "APT::Update::Error-Mode=any"]
    apt.run(["-q", *strict, "update"], lists=apt.own_lists, archives=apt.archives, tried="fetching apt's package lists")
    return _download(apt, names, apt.own_lists)


def _has_lists(lists: Path) -> bool:
    return any("_Packages" in path.name for path in lists.glob("*"))


def _download(apt: Apt, names: Sequence[str], lists: Path) -> list[Path]:
    # Against an archive that is empty: apt prints only what it would have to fetch.
    plan = apt.run(
        ["-q", "--print-uris", "-y", "install", *names],
        lists=lists,
        archives=apt.directory / "none",
        tried="resolving the packages of the distribution",
    )
    sizes = parse_uris(plan)
    if not sizes:
        raise MakerError("resolving the packages of the distribution", "apt named no file to fetch", _ADVICE)
    debs = {apt.archives / name: size for name, size in sizes.items()}
    missing = [deb for deb, size in debs.items() if not deb.is_file() or deb.stat().st_size != size]
    if missing:
        say(f"downloading {len(missing)} of {len(debs)} packages, {sum(debs[deb] for deb in missing) >> 20} MB")
        apt.run(
            ["-q", "--download-only", "-y", "install", *names],
            lists=lists,
            archives=apt.archives,
            tried="downloading the packages of the distribution",
        )
    for deb in debs:
        if not deb.is_file():
            raise MakerError("downloading the packages of the distribution", f"apt did not make {deb}", _ADVICE)
    return sorted(debs)


def parse_uris(plan: str) -> dict[str, int]:
    """apt-get --print-uris: file names with their sizes."""
    return {match["file"]: int(match["size"]) for line in plan.splitlines() if (match := _URI_LINE.match(line))}
