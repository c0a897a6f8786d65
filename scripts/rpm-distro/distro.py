"""The distribution as a whole: made once, shown at once, and left alone while nothing has changed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import packages
from cache import Cache, digest
from convert import convert, filesystem_key, make_filesystem, plan
from filesystem import NAME as FILESYSTEM
from mockconfig import write_configuration
from repository import comps, make_repository
from resolve import Apt, download_closure
from sources import IN_REPOSITORY, IN_UPDATES, SOURCE_PACKAGES
from tools import MakerError, require_tools, say

_HERE = Path(__file__).resolve().parent
# What a user sees of a generation, below the distribution's directory.
_VISIBLE = ("repo", "updates", "srpms", "mock")


def maker_key(directory: Path) -> str:
    """Changes when the maker does, and with where the distribution is: its mock configuration names the place."""
    files = sorted(
        path
        for path in _HERE.rglob("*")
        if path.is_file() and not {"__pycache__", "tests", ".pytest_cache"} & set(path.relative_to(_HERE).parts)
    )
    return digest([str(directory), *(part for path in files for part in (str(path.relative_to(_HERE)), path))])


@dataclass(frozen=True)
class Distro:
    """The directory that holds it.

    `current` names the generation that is shown, and is replaced by one rename; `repo` and the others lead through it.
    """

    directory: Path

    def make(self) -> None:
        """Makes the distribution where it is missing or not what this maker would make."""
        key = maker_key(self.directory)
        if self._is_made(key):
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MakerError(
                f"making {self.directory}",
                str(error),
                "be root, or name another with --directory or PLYROOT_RPM_DISTRO",
            ) from error
        with self._lock():
            if not self._is_made(key):  # while this process waited
                self._make(key)

    def _is_made(self, key: str) -> bool:
        try:
            made = json.loads((self.directory / "made.json").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return False
        return made.get("key") == key and (self.directory / "repo/repodata/repomd.xml").is_file()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise MakerError(f"locking {self.directory}", str(error), "be root, or name another directory") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process is making {self.directory}: waiting for it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make(self, key: str) -> None:
        started = time.monotonic()
        require_tools()
        os.umask(0o022)
        shutil.rmtree(self.directory / "work", ignore_errors=True)  # of a run that was cut short
        cache = Cache(self.directory / "rpms", self.directory / "work")
        names = [*packages.BUILD_GROUP, *packages.EXTRA, packages.INSTEAD_OF_USRMERGE]
        debs = download_closure(Apt(self.directory / "apt"), names)
        downloaded = time.monotonic()
        contents, keys = self._make_packages(debs, cache)
        converted = time.monotonic()
        generation = self._make_generation(key, contents)
        self._show(generation, key)
        self._tidy(generation, cache, keys)
        say(
            f"{self.directory}: {len(contents['repo'])} packages; download {downloaded - started:.1f} s, "
            f"conversion {converted - downloaded:.1f} s, repository {time.monotonic() - converted:.1f} s"
        )

    def _make_packages(self, debs: list[Path], cache: Cache) -> tuple[dict[str, list[Path]], set[str]]:
        """The RPMs of each visible directory, and the keys that the cache has them under."""
        recipes = plan(debs)
        base_passwd = next(recipe.deb for recipe in recipes if recipe.name == "base-passwd")
        missing = sum(not (cache.directory / recipe.key()).is_dir() for recipe in recipes)
        say(f"converting {missing} of {len(recipes)} packages")
        # Threads, because the work is rpmbuild's and dpkg-deb's. Processes forked here would hold the lock, and go on
        # holding it when this one is killed.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            running = [pool.submit(convert, recipe, cache) for recipe in recipes]
            running.append(pool.submit(make_filesystem, base_passwd, cache))
            try:
                rpms = [rpm for future in running for rpm in future.result()]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        made = {
            "repo": [*rpms, *(rpm for package in IN_REPOSITORY for rpm in package.make(cache))],
            "updates": [rpm for package in IN_UPDATES for rpm in package.make(cache)],
            "srpms": [rpm for package in SOURCE_PACKAGES for rpm in package.make(cache)],
        }
        by_hand = [*IN_REPOSITORY, *IN_UPDATES, *SOURCE_PACKAGES]
        keys = {item.key() for item in [*recipes, *by_hand]} | {filesystem_key(base_passwd)}
        return made, keys

    def _make_generation(self, key: str, contents: dict[str, list[Path]]) -> Path:
        generations = self.directory / "generations"
        generations.mkdir(exist_ok=True)
        generation = Path(tempfile.mkdtemp(prefix=f"{key[:12]}-", dir=generations))
        generation.chmod(0o755)
        groups = generation / "comps.xml"
        groups.write_text(comps("buildsys-build", "Buildsystem building group", [FILESYSTEM, *packages.BUILD_GROUP]))
        make_repository(generation / "repo", contents["repo"], groups)
        make_repository(generation / "updates", contents["updates"])
        (generation / "srpms").mkdir()
        for srpm in contents["srpms"]:
            os.link(srpm, generation / "srpms" / srpm.name)
        write_configuration(generation / "mock", self.directory)
        return generation

    def _show(self, generation: Path, key: str) -> None:
        """From here on the new generation is the distribution."""
        _replace_link(self.directory / "current", f"generations/{generation.name}")
        for name in _VISIBLE:
            _replace_link(self.directory / name, f"current/{name}")
        stamp = self.directory / "made.json.new"
        stamp.write_text(json.dumps({"key": key, "generation": generation.name}) + "\n")
        os.replace(stamp, self.directory / "made.json")

    def _tidy(self, generation: Path, cache: Cache, keys: set[str]) -> None:
        """Removes what no generation needs; the one before stays, for those who are reading it."""
        generations = sorted(generation.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in [path for path in generations if path != generation][:-1]:
            shutil.rmtree(old)
        cache.keep_only(keys)


def _replace_link(link: Path, target: str) -> None:
    if link.is_symlink() and os.readlink(link) == target:
        return
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    os.replace(new, link)
