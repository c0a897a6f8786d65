"""From a .deb to the tree that its RPM has."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import filesystem
import packages
from deb import open_tree, read_maintainer_files
from spec import Entry, Kind
from tools import MakerError, say

OVERLAYS = Path(__file__).resolve().parent / "files"


@dataclass
class Tree:
    """A package's files below `root`, and what rpm has to know of them."""

    root: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    # Paths that packages ask for as Debian had them before /usr was merged.
    former_paths: list[str] = field(default_factory=list)
    newest: int = 0

    def on_disk(self, path: str) -> Path:
        return Path(f"{self.root}{path}")

    def add(self, entry: Entry) -> None:
        if entry.kind is Kind.DIRECTORY and entry.path in filesystem.DIRECTORIES:
            return
        self.entries[entry.path] = entry


def unpack(deb: Path, root: Path) -> Tree:
    """Unpacks a package as it is in a merged /usr, without what nobody reads in a build root."""
    tree = Tree(root)
    maintainer_files = read_maintainer_files(deb)
    _warn_of_alternatives(deb, maintainer_files.alternatives)
    conffiles = {filesystem.final_path(path) for path in maintainer_files.conffiles}
    with open_tree(deb) as tar:
        unpack_tar(tree, tar, conffiles)
    return tree


def unpack_tar(tree: Tree, tar: tarfile.TarFile, conffiles: Collection[str]) -> None:
    for member in tar:
        original = _absolute(member.name)
        path = filesystem.final_path(original)
        if path != "/" and not _is_dropped(path):
            _unpack_member(tree, tar, member, path, is_config=path in conffiles)
            if path != original and original.startswith(("/bin/", "/sbin/")):
                tree.former_paths.append(original)


def _absolute(name: str) -> str:
    """A member's name in the tar, `./usr/bin/x` or `.`, as a path."""
    return os.path.normpath("/" + name)


def _warn_of_alternatives(deb: Path, alternatives: Iterable[str]) -> None:
    """Another release of Debian may set links that packages.py does not know yet."""
    known = {path for links in packages.LINKS.values() for path in links}
    for path in map(filesystem.final_path, alternatives):
        if path not in known and not _is_dropped(path):
            say(f"{deb.name} sets the alternative {path}, which LINKS in packages.py does not have")


def _is_dropped(path: str) -> bool:
    return any(path == top or path.startswith(top + "/") for top in packages.DROPPED)


def _unpack_member(tree: Tree, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, *, is_config: bool) -> None:
    place = tree.on_disk(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    kind = Kind.FILE
    if member.isdir():
        kind = Kind.DIRECTORY
        place.mkdir(exist_ok=True)
        place.chmod(member.mode)
    elif member.issym():
        kind = Kind.LINK
        if filesystem.final_path(os.path.join(os.path.dirname(path), member.linkname)) == path:
            return  # a link from one half of /usr to the other, which are one now
        place.symlink_to(member.linkname)
    elif member.islnk():
        target = filesystem.final_path(_absolute(member.linkname))
        place.hardlink_to(tree.on_disk(target))
    elif member.isfile():
        with open(place, "xb") as output:
            shutil.copyfileobj(tar.extractfile(member), output, 1 << 20)
        place.chmod(member.mode)
        os.utime(place, (member.mtime, member.mtime))
    else:
        raise MakerError(f"unpacking {member.name}", "it is neither file, directory nor link")
    tree.newest = max(tree.newest, int(member.mtime))
    tree.add(Entry(path, kind, member.uname or "root", member.gname or "root", is_config))


def finish(tree: Tree, package: str) -> None:
    """Does what the package's maintainer scripts would do on Debian."""
    for path, source in packages.COPIES.get(package, {}).items():
        _add_file(tree, path, tree.on_disk(source))
    for path, target in packages.LINKS.get(package, {}).items():
        _add_link(tree, path, target)
    for path, pattern, replacement in packages.EDITS.get(package, ()):
        _edit(tree.on_disk(path), pattern, replacement)
    for source in overlay_files(package):
        _add_file(tree, "/" + str(source.relative_to(OVERLAYS / package)), source)


def overlay_files(package: str) -> list[Path]:
    """Files of the maker's own that go into a package."""
    return sorted(path for path in (OVERLAYS / package).rglob("*") if path.is_file())


def _add_file(tree: Tree, path: str, source: Path) -> None:
    place = tree.on_disk(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    place.chmod(0o644)
    os.utime(place, (tree.newest, tree.newest))
    tree.add(Entry(path, Kind.FILE, config=path.startswith("/etc/")))


def _add_link(tree: Tree, path: str, target: str) -> None:
    place = tree.on_disk(path)
    if place.is_symlink() and os.readlink(place) == target:
        return
    if os.path.lexists(place):
        tried = f"linking {path} to {target}"
        raise MakerError(tried, "the package has that path already", "correct LINKS in packages.py")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    tree.add(Entry(path, Kind.LINK))


def _edit(file: Path, pattern: str, replacement: str) -> None:
    text = file.read_text()
    edited, count = re.subn(pattern, lambda _match: replacement, text)
    if count == 0:
        raise MakerError(f"editing {file}", f"nothing in it matches {pattern}", "correct EDITS in packages.py")
    status = file.stat()
    file.write_text(edited)
    os.utime(file, (status.st_mtime, status.st_mtime))
