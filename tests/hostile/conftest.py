"""The fixtures of tests/cli, and a hostile program to put into roots."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_source = Path(os.environ.get("PLYROOT_SOURCE", Path(__file__).parents[2]))
_spec = importlib.util.spec_from_file_location("cli_fixtures", _source / "tests" / "cli" / "conftest.py")
cli_fixtures = importlib.util.module_from_spec(_spec)
sys.modules["cli_fixtures"] = cli_fixtures
_spec.loader.exec_module(cli_fixtures)
from cli_fixtures import Plyroot, disk, distribution, empty, initialized, pytest_collection_modifyitems, root  # noqa: E402,F401

FULL = os.environ.get("PLYROOT_FULL", "") not in ("", "0")
SECRET = "canary-4f1d8c"


@pytest.fixture(scope="session")
def probe() -> Path:
    """A program that tries what a root must not be able to do, and says how it went (probe.cpp)."""
    return Path(os.environ.get("PLYROOT_SESSION_PROBE", _source / "build" / "tests" / "hostile" / "session_probe"))


class Canary:
    """A directory outside of every root that nobody has reason to touch, and whose content nobody has reason to know."""

    def __init__(self, path: Path):
        self.path = path
        (path / "directory" / "below").mkdir(parents=True)
        for name in ("file", "passwd", "directory/passwd", "directory/below/rpmdb.sqlite", "directory/vars", "directory/hosts"):
            (path / name).write_text(f"{SECRET}:x:0:0:{name}:/:/bin/sh\n")
            (path / name).chmod(0o600)
        self.before = self.state()

    def state(self) -> dict:
        """All that would change if it were touched, but for times of access."""
        found = {}
        for place in [self.path, *sorted(self.path.rglob("*"))]:
            status = place.lstat()
            content = hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else ""
            found[str(place)] = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_ino, status.st_mtime_ns,
                                 status.st_ctime_ns, content)
        return found

    def assert_untouched(self, what: object):
        assert self.state() == self.before, f"{what} changed something outside of the root"


@pytest.fixture
def canary(tmp_path) -> Canary:
    return Canary(tmp_path / "canary")


def attempts(output: str) -> dict[str, str]:
    """What the probe printed: the outcome of each attempt."""
    return dict(line.split(" ", 1) for line in output.splitlines() if " " in line)


def mounts(own: Path) -> list[str]:
    """What is mounted on the host, but for what other tests have in temporary directories that are not below `own`."""
    output = subprocess.run(["findmnt", "-rn", "-o", "TARGET,FSTYPE"], capture_output=True, text=True, check=True).stdout
    return [line for line in output.splitlines() if line.startswith(f"{own}/") or not line.startswith(f"{tempfile.gettempdir()}/")]
