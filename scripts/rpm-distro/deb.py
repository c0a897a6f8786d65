"""Reading Debian packages: control fields, dependencies, versions, and the tree of files."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import MakerError, run

_RPM_VERSION_FORBIDS = re.compile(r"[^A-Za-z0-9._+~^]")
_ALTERNATIVE = re.compile(r"--(?:install|slave)\s+(/[^\s$\"']+)(?=\s)")
_DEPENDENCY_NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]*)")


@dataclass(frozen=True)
class RpmVersion:
    """A Debian version in RPM's three parts."""

    epoch: str
    version: str
    release: str

    @classmethod
    def from_debian(cls, debian: str) -> RpmVersion:
        """Both sort `~` before the end and compare numbers as numbers, so parts carry over as they are."""
        epoch, separator, rest = debian.partition(":")
        if not separator:
            epoch, rest = "0", debian
        version, separator, release = rest.rpartition("-")
        if not separator:
            version, release = rest, "0"
        return cls(epoch, _RPM_VERSION_FORBIDS.sub("_", version), _RPM_VERSION_FORBIDS.sub("_", release))


@dataclass(frozen=True)
class Control:
    """The fields of a package's control file."""

    fields: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Control:
        fields: dict[str, str] = {}
        name = ""
        for line in text.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] += "\n" + line.strip()
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        return cls(fields)

    @property
    def name(self) -> str:
        return self.fields["Package"]

    @property
    def version(self) -> RpmVersion:
        return RpmVersion.from_debian(self.fields["Version"])

    @property
    def is_noarch(self) -> bool:
        return self.fields["Architecture"] == "all"

    @property
    def summary(self) -> str:
        return self.fields.get("Description", self.name).splitlines()[0]

    @property
    def depends(self) -> list[list[str]]:
        """Each dependency as its alternatives, in the packager's order of preference."""
        fields = (self.fields.get(name, "") for name in ("Pre-Depends", "Depends"))
        return [names for field in fields for names in parse_dependencies(field)]

    @property
    def provides(self) -> list[str]:
        return [names[0] for names in parse_dependencies(self.fields.get("Provides", ""))]


def parse_dependencies(field: str) -> list[list[str]]:
    """`a (>= 1), b:any | c` as [[a], [b, c]]. Versions go: a closure of one release agrees with itself."""
    groups = []
    for group in field.split(","):
        names = [match[1] for alternative in group.split("|") if (match := _DEPENDENCY_NAME.match(alternative))]
        if names:
            groups.append(names)
    return groups


def read_control(deb: Path) -> Control:
    return Control.parse(run(["dpkg-deb", "--field", deb], tried=f"reading the control fields of {deb}"))


@dataclass(frozen=True)
class MaintainerFiles:
    """What else the control archive says."""

    # The paths that dpkg would keep when an administrator has changed them.
    conffiles: frozenset[str] = frozenset()
    postinst: str = ""

    @property
    def alternatives(self) -> frozenset[str]:
        """The links that the package would set by update-alternatives, where its postinst names them literally."""
        code = "\n".join(line for line in self.postinst.splitlines() if not line.lstrip().startswith("#"))
        return frozenset(_ALTERNATIVE.findall(code.replace("\\\n", " ")))


def read_maintainer_files(deb: Path) -> MaintainerFiles:
    found: dict[str, str] = {}
    with _open_tar(deb, "--ctrl-tarfile") as tar:
        for member in tar:
            name = Path(member.name).name
            if name in ("conffiles", "postinst"):
                found[name] = tar.extractfile(member).read().decode(errors="replace")
    conffiles = frozenset(line.strip() for line in found.get("conffiles", "").splitlines() if line.startswith("/"))
    return MaintainerFiles(conffiles, found.get("postinst", ""))


@contextmanager
def open_tree(deb: Path) -> Iterator[tarfile.TarFile]:
    """The package's files as a tar stream: to be read once, in order."""
    with _open_tar(deb, "--fsys-tarfile") as tar:
        yield tar


@contextmanager
def _open_tar(deb: Path, what: str) -> Iterator[tarfile.TarFile]:
    with subprocess.Popen(["dpkg-deb", what, str(deb)], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            yield tar
        while process.stdout.read(1 << 16):  # a tar ends before its padding does
            pass
    if process.returncode != 0:
        raise MakerError(f"unpacking {deb}", f"dpkg-deb ended with {process.returncode}", f"remove {deb} and try again")
