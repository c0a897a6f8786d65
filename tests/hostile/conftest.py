"""Fixtures for roots in which something is hostile."""

import ctypes
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from plyroot_on_disk import SOURCE, Plyroot, disk, distribution, empty, initialized, pytest_collection_modifyitems, root  # noqa: F401

FULL = os.environ.get("PLYROOT_FULL", "") not in ("", "0")
REPORTS = os.environ.get("PLYROOT_REPORTS")
SECRET = "canary-4f1d8c"


def pytest_configure(config):
    config.numbers = {}


@pytest.fixture
def ran(request):
    """Notes what a test ran: ran(kind, name, traps=..., commands=...). What tests note under one name is added up."""
    begin = time.monotonic()

    def note(kind: str, name: str, **counts):
        sums = request.config.numbers.setdefault(kind, {}).setdefault(name, {})
        for key, value in {**counts, "seconds": time.monotonic() - begin}.items():
            sums[key] = round(sums.get(key, 0) + value, 1)

    return note


def pytest_terminal_summary(terminalreporter, config):
    for kind, names in config.numbers.items():
        totals = {key: round(sum(counts[key] for counts in names.values()), 1) for key in next(iter(names.values()))}
        terminalreporter.write_line(f"{kind}: " + ", ".join(f"{key} {value}" for key, value in totals.items()))
        if REPORTS:
            directory = Path(REPORTS)
            directory.mkdir(parents=True, exist_ok=True)
            report = {"kind": f"hostile roots, {kind}", "full": FULL, "of": names, "total": totals}
            (directory / f"hostile-{kind}.json").write_text(json.dumps(report, indent=2) + "\n")


@pytest.fixture(scope="session")
def probe() -> Path:
    """A program that tries what a root must not be able to do, and says how it went (probe.cpp)."""
    return Path(os.environ.get("PLYROOT_SESSION_PROBE", SOURCE / "build" / "tests" / "hostile" / "session_probe"))


class Watch:
    """What is done to some directories and what lies in them, as the kernel tells it (inotify)."""

    EVENTS = {0x001: "read", 0x002: "modified", 0x004: "given attributes", 0x008: "closed after writing", 0x010: "closed",
              0x020: "opened", 0x040: "renamed from", 0x080: "renamed to", 0x100: "made", 0x200: "removed",
              0x400: "removed itself", 0x800: "renamed itself", 0x4000: "lost, since there were too many events"}
    READING = {"read", "closed", "opened"}

    def __init__(self, directories: list[Path]):
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watched = {}
        for directory in directories:
            number = libc.inotify_add_watch(self.descriptor, os.fsencode(directory), 0xFFF)
            assert number >= 0, os.strerror(ctypes.get_errno())
            self.watched[number] = directory

    def seen(self) -> set[tuple[str, str]]:
        """What was done since the last call, and to what."""
        found = set()
        while events := self.read():
            while events:
                number, mask, _, length = struct.unpack_from("iIII", events)
                name = events[16:16 + length].rstrip(b"\0").decode()
                events = events[16 + length:]
                path = str(self.watched.get(number, Path()) / name)
                found |= {(word, path) for bit, word in self.EVENTS.items() if mask & bit}
        return found

    def read(self) -> bytes:
        try:
            return os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return b""

    def close(self):
        os.close(self.descriptor)


class Canary:
    """A directory outside of every root that nobody has reason to touch, and whose content nobody has reason to know."""

    def __init__(self, path: Path):
        self.path = path
        (path / "directory" / "below").mkdir(parents=True)
        for name in ("file", "passwd", "directory/passwd", "directory/below/rpmdb.sqlite", "directory/vars", "directory/hosts"):
            (path / name).write_text(f"{SECRET}:x:0:0:{name}:/:/bin/sh\n")
            (path / name).chmod(0o600)
        self.watch = Watch([path, *(place for place in path.rglob("*") if place.is_dir())])
        self.before = self.state()
        self.watch.seen()

    def state(self) -> dict:
        """All that would change if it were touched, but for times of access."""
        found = {}
        for place in [self.path, *sorted(self.path.rglob("*"))]:
            status = place.lstat()
            content = hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else ""
            found[str(place)] = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_ino, status.st_mtime_ns,
                                 status.st_ctime_ns, content)
        return found

    def assert_unchanged(self, what: object) -> set[tuple[str, str]]:
        """What was read all the same."""
        seen = self.watch.seen()
        assert {event for event in seen if event[0] not in Watch.READING} == set(), f"{what} touched something outside of the root"
        assert self.state() == self.before, f"{what} changed something outside of the root"
        self.watch.seen()  # we ourselves have just looked
        return seen

    def assert_untouched(self, what: object):
        """Neither changed nor opened."""
        assert self.assert_unchanged(what) == set(), f"{what} read something outside of the root"


@pytest.fixture
def canary(tmp_path):
    canary = Canary(tmp_path / "canary")
    yield canary
    canary.watch.close()


def attempts(output: str) -> dict[str, str]:
    """What the probe printed: the outcome of each attempt."""
    return dict(line.split(" ", 1) for line in output.splitlines() if " " in line)


SPEC = """
Name: hostile
Version: 1
Release: 1
Summary: A package that means harm
License: none
BuildArch: noarch
AutoReqProv: no
%global done_when_this_is_read %({when_read})
%description
%files
%post
{post}
"""


def make_package(place: Path, post: str = "", when_read: str = "true", what: str = "-bb") -> Path:
    """A package with a script for its installation, or for whoever reads its spec file."""
    place.mkdir()
    (place / "hostile.spec").write_text(SPEC.format(post=post, when_read=when_read))
    subprocess.run(["rpmbuild", what, "--define", f"_topdir {place}", place / "hostile.spec"], check=True, capture_output=True)
    return next(place.rglob("hostile-*.rpm"))


def mounts(own: Path) -> list[str]:
    """What is mounted on the host, but for what other tests have in temporary directories that are not below `own`."""
    output = subprocess.run(["findmnt", "-rn", "-o", "TARGET,FSTYPE"], capture_output=True, text=True, check=True).stdout
    return [line for line in output.splitlines() if line.startswith(f"{own}/") or not line.startswith(f"{tempfile.gettempdir()}/")]
