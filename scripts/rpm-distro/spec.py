"""Spec files for trees that stand already: nothing is built, the files are only listed."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from deb import RpmVersion

# rpm 4.18 knows no backslash in a path: a class of one character stands for itself, and for what cannot stand in a
# class of rpm's (braces, which it expands first, and backslashes) any one character has to do.
_GLOB_CHARACTERS = re.compile(r"[\[?*]")
_OTHER_SPECIAL_CHARACTERS = re.compile(r"[{}\\]")


class Kind(enum.Enum):
    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True)
class Entry:
    """One path of a package. Modes are those of the tree on disk; owners are not, so that nobody need be root."""

    path: str
    kind: Kind
    owner: str = "root"
    group: str = "root"
    config: bool = False


def quote_path(path: str) -> str:
    """A path for %files: quoted because of spaces, and with globs and macros taken as plain characters."""
    if '"' in path or "\n" in path:
        raise ValueError(f"a spec file cannot name {path!r}")
    plain = _GLOB_CHARACTERS.sub(r"[\g<0>]", _OTHER_SPECIAL_CHARACTERS.sub("\0", path)).replace("\0", "?")
    return '"' + plain.replace("%", "%%") + '"'


def files_line(entry: Entry) -> str:
    words = []
    if entry.kind is Kind.DIRECTORY:
        words.append("%dir")
    elif entry.config:
        words.append("%config(noreplace)")
    if (entry.owner, entry.group) != ("root", "root"):
        words.append(f"%attr(-,{entry.owner},{entry.group})")
    return " ".join([*words, quote_path(entry.path)])


@dataclass(frozen=True)
class Spec:
    """What a binary package says of itself."""

    name: str
    version: RpmVersion
    summary: str
    noarch: bool
    requires: Sequence[str] = ()
    provides: Sequence[str] = ()
    scriptlets: str = ""
    entries: Sequence[Entry] = field(default=())

    def render(self) -> str:
        return "\n".join([*self._preamble(), "", *self._sections(), *self._files()]) + "\n"

    def _preamble(self) -> Iterable[str]:
        yield f"Name: {self.name}"
        yield f"Epoch: {self.version.epoch}"
        yield f"Version: {self.version.version}"
        yield f"Release: {self.version.release}"
        yield f"Summary: {_plain(self.summary)}"
        yield "License: as the Debian package"
        # What packages need is said by Debian; what their libraries are called is found by rpm, because packages
        # that are built in a root will ask for those names.
        yield "AutoReq: no"
        if self.noarch:
            yield "BuildArch: noarch"
        if self.name != "filesystem":
            yield "Requires(pre): filesystem"
        for name in self.requires:
            yield f"Requires: {name}"
        for name in self.provides:
            is_path = name.startswith("/")
            yield f"Provides: {name}" if is_path else f"Provides: {name} = %{{epoch}}:%{{version}}-%{{release}}"

    def _sections(self) -> Iterable[str]:
        yield f"%description\n{_plain(self.summary)}\n"
        if self.scriptlets:
            yield self.scriptlets

    def _files(self) -> Iterable[str]:
        yield "%files"
        yield "%defattr(-,root,root,-)"
        for entry in self.entries:
            yield files_line(entry)


def _plain(text: str) -> str:
    return text.replace("%", "%%")
