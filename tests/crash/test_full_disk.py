"""A disk that is full: what was dropped is removed at once, and what was asked for is tried once more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from disk import Disk
from machine import Machine
from operations import OPERATIONS, make_usual

DROPPED = 8 << 20
#: In a cleaned root overlayfs has to make its work directory, and a head that nobody has used has to be made.
ENTER = {"a cleaned root": ("--chroot", "--", "/bin/true"), "a new head": ("--uniqueext", "new", "--chroot", "--", "/bin/true")}


@pytest.fixture
def full_machine(scratch):
    disk = Disk("ext4", scratch / "small", megabytes=48)
    machine = Machine(disk.path, scratch / "small", mock=scratch / "mock-elsewhere")
    make_usual(machine)
    yield machine
    disk.detach()
    disk.close()
    shutil.rmtree(scratch / "small")


def fill(disk: Path):
    """Takes what is left, in pieces of a block at last."""
    for size in (1 << 20, 1 << 12):
        with open(disk / f"filler-{size}", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    for number in range(10_000):
        try:
            os.mkdir(disk / f"filler-directory-{number}")
        except OSError:
            return
    raise AssertionError("the disk does not get full")


def drop_something(machine: Machine, where: str):
    place = machine.store / where / "900" / "fs"
    place.mkdir(parents=True)
    (place / "file").write_bytes(b"x" * DROPPED)
    os.sync()


@pytest.mark.parametrize("what", ENTER)
@pytest.mark.parametrize("where", ["trash", "layers"])
def test_what_was_dropped_makes_room(full_machine, where, what):
    full_machine.ok("--clean")
    drop_something(full_machine, where)
    fill(full_machine.disk)
    full_machine.ok(*ENTER[what])
    assert not (full_machine.store / where / "900").exists()


@pytest.mark.parametrize("operation", [operation for operation in OPERATIONS if operation.start is make_usual], ids=lambda operation: operation.name)
def test_every_command_waits_for_what_was_dropped(full_machine, operation):
    if operation.name in ("mount", "session"):
        full_machine.ok("--clean")  # so that it has to make something
    if operation.first:
        full_machine.ok(*operation.first)
    drop_something(full_machine, "trash")
    fill(full_machine.disk)
    full_machine.ok(*operation.words)
    full_machine.forget_mounts()
    assert full_machine.run("--fsck").code == 0


@pytest.mark.parametrize("what", ENTER)
def test_where_nothing_was_dropped_the_disk_and_the_reason_are_named_and_nothing_changes(full_machine, what):
    full_machine.ok("--clean")
    before = full_machine.what_a_user_sees()
    fill(full_machine.disk)
    done = full_machine.run(*ENTER[what])
    assert done.code != 0
    assert "No space left on device" in done.stderr
    assert full_machine.what_a_user_sees() == before
    assert full_machine.run("--fsck").code == 0
    full_machine.ok("--list-snapshots")
