"""A machine's disk, a configuration and an initialised root, for tests that use plyroot as its users do."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("PLYROOT_SOURCE", Path(__file__).parents[2]))
PROGRAM = os.environ.get("PLYROOT_PROGRAM", str(SOURCE / "build" / "plyroot"))


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="only root can make build roots"))


@pytest.fixture(scope="session")
def distribution() -> Path:
    made = subprocess.run([SOURCE / "scripts" / "make-rpm-distro", "--print-path"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip())


class Disk:
    """A journalled ext4 file system on a loop image, mounted at a directory of its own."""

    def __init__(self, directory: Path, size: str, options: str = "loop"):
        image = directory / "image"
        self.path = directory / "disk"
        self.path.mkdir()
        subprocess.run(["truncate", "-s", size, image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "has_journal", image], check=True)
        subprocess.run(["mount", "-o", options, image, self.path], check=True)

    def close(self):
        # plyroot's housekeeping may be just about to have gone.
        for _ in range(100):
            if subprocess.run(["umount", self.path], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture(scope="session")
def disk(tmp_path_factory):
    disk = Disk(tmp_path_factory.mktemp("machine"), "6G")
    yield disk.path
    disk.close()


class Plyroot:
    """The program, with a configuration whose directories all lie on the test's disk."""

    def __init__(self, disk: Path, distribution: Path, chroot: str = "plyroot-test", configdir: Path | None = None, extra=()):
        self.disk = disk
        self.base_dir = disk / "ply"
        self.basedir = disk / "mock"
        self.root_name = "plyroot-test-x86_64"
        self.arguments = ["--configdir", str(configdir or distribution / "mock"), "-r", chroot,
                          "--config-opts", f"basedir={self.basedir}",
                          "--config-opts", f"cache_topdir={disk / 'cache'}",
                          "--plugin-option", f"overlayfs:base_dir={self.base_dir}", *extra]

    def command(self, *words) -> list[str]:
        return [PROGRAM, *self.arguments, *map(str, words)]

    def run(self, *words, **options) -> subprocess.CompletedProcess:
        options.setdefault("timeout", 300)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def ok(self, *words, **options) -> str:
        """Runs a command that must succeed; what it wrote to standard output."""
        done = self.run(*words, **options)
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, code: int, *words, **options) -> str:
        """Runs a command that must fail with this exit code; what it wrote to standard error."""
        done = self.run(*words, **options)
        assert done.returncode == code, f"{words}: exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr

    def start(self, *words, **options) -> subprocess.Popen:
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def start_and_wait_for(self, line: str, *words, **options) -> subprocess.Popen:
        """Starts a command, and returns when it has written this line to standard output."""
        process = self.start(*words, **options)
        for written in process.stdout:
            if written.strip() == line:
                return process
        raise AssertionError(f"{words} ended without '{line}': {process.stderr.read()}")

    def sh(self, script: str, *options) -> str:
        return self.ok(*options, "--chroot", "--", "/bin/sh", "-c", script)

    def list(self, *options) -> list[str]:
        return self.ok(*options, "--list-snapshots").splitlines()

    @property
    def rootdir(self) -> Path:
        return self.basedir / self.root_name / "root"

    @property
    def resultdir(self) -> Path:
        return self.basedir / self.root_name / "result"


@pytest.fixture(scope="session")
def initialized(disk, distribution) -> Plyroot:
    plyroot = Plyroot(disk, distribution)
    plyroot.ok("--init")
    return plyroot


@pytest.fixture
def root(initialized):
    """A root as it is after its first init; what a test does to it is undone."""
    yield initialized
    initialized.run("--orphanskill")
    initialized.run("--umount")
    for line in initialized.list():
        if line[2:] != "postinit":
            initialized.ok("--remove-snapshot", line[2:])
    if "postinit" not in [line[2:] for line in initialized.list()]:
        initialized.ok("--scrub", "overlayfs")
        initialized.ok("--init")
    initialized.ok("--rollback-to", "postinit")
    initialized.ok("--clean")


@pytest.fixture
def empty(tmp_path, disk, distribution):
    """A configuration of its own, whose root nobody has used yet, on the shared disk."""
    place = disk / f"empty-{tmp_path.name}"
    place.mkdir()
    yield Plyroot(place, distribution)
    for _ in range(50):
        shutil.rmtree(place, ignore_errors=True)
        if not place.exists():
            break
        time.sleep(0.1)
