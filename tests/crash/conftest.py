"""One machine for all tests, and the numbers of points that they ran."""

import json
import os
import time
from pathlib import Path

import pytest
from disk import Disk
from machine import Machine, enter_own_mount_namespace, mount
from plyroot_on_disk import pytest_collection_modifyitems  # noqa: F401

FULL = os.environ.get("PLYROOT_FULL") == "1"
REPORTS = os.environ.get("PLYROOT_REPORTS")


def pytest_configure(config):
    config.numbers = {}
    if os.geteuid() == 0:
        enter_own_mount_namespace()


@pytest.fixture(scope="session")
def full() -> bool:
    return FULL


@pytest.fixture(scope="session")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("crash")


@pytest.fixture(scope="session")
def machine(scratch) -> Machine:
    """A machine in memory: what is killed needs no disk, and memory is fast."""
    disk = scratch / "disk"
    disk.mkdir()
    mount("tmpfs", disk, "tmpfs", options="mode=0755")
    return Machine(disk, scratch)


@pytest.fixture(scope="session")
def machine_with_reflinks(scratch):
    """The same on a disk whose files can share their blocks."""
    place = scratch / "reflinks"
    disk = Disk("xfs", place, megabytes=400)
    yield Machine(disk.path, place)
    disk.detach()
    disk.close()


@pytest.fixture
def numbers(request):
    """Notes what a test ran: numbers(kind, name, ran=..., of=...)."""
    begin = time.monotonic()

    def note(kind: str, name: str, **counts):
        request.config.numbers.setdefault(kind, {})[name] = {**counts, "seconds": round(time.monotonic() - begin, 1)}

    return note


def failures_of(test_file: Path) -> Path:
    return Path(REPORTS) / f"crash-{test_file.stem.removeprefix('test_')}-failures.log"


def pytest_collection_finish(session):
    if REPORTS:
        for test_file in {item.path for item in session.items}:
            failures_of(test_file).unlink(missing_ok=True)


def pytest_runtest_logreport(report):
    """A full run takes an hour or two: what has failed is to be read before its end."""
    if report.failed and REPORTS:
        log = failures_of(Path(report.location[0]))
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"{report.nodeid}\n{report.longreprtext}\n")


def pytest_terminal_summary(terminalreporter, config):
    for kind, names in config.numbers.items():
        terminalreporter.write_line(f"{kind}: " + "; ".join(
            f"{name} " + ", ".join(f"{key} {value}" for key, value in counts.items()) for name, counts in names.items()))
        totals = {key: sum(counts.get(key, 0) for counts in names.values()) for key in next(iter(names.values()))}
        terminalreporter.write_line(f"{kind} in all: " + ", ".join(f"{key} {round(value, 1)}" for key, value in totals.items()))
        if REPORTS:
            directory = Path(REPORTS)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"crash-{kind}.json").write_text(json.dumps({"kind": kind, "full": FULL, "of": names, "total": totals}, indent=2) + "\n")
