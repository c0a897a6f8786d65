"""The operations that must be whole or not at all, a line each, and the states that they begin from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from machine import Machine


def make_empty(machine: Machine):
    pass


def make_usual(machine: Machine):
    """postinit <- one <- two, which is current, <- what was written since; another head stands on one."""
    machine.ok("--init")
    for name in ("one", "two"):
        machine.ok("--chroot", "--", "/bin/change", name)
        machine.ok("--snapshot", name)
    machine.ok("--uniqueext", "x", "--rollback-to", "one")
    machine.ok("--uniqueext", "x", "--chroot", "--", "/bin/change", "of-x")
    machine.ok("--chroot", "--", "/bin/change", "three")


def make_garbage(machine: Machine):
    """The usual, with what killed commands leave: a layer's directory that no layer lists, a tree in trash/."""
    make_usual(machine)
    for name in ("layers/999", "trash/998"):
        (machine.store / name / "fs/usr/share").mkdir(parents=True)
        (machine.store / name / "fs/usr/share/file").write_text("garbage")



def make_mergeable(machine: Machine):
    """A chain that is too long, of which some names have been removed, before the background has seen to it."""
    machine.ok("--init")
    for number in range(1, 13):
        machine.ok("--chroot", "--", "/bin/change", f"s{number}")
        machine.ok("--snapshot", f"s{number}")
    rows = sqlite3.connect(machine.store / "store.db")
    with rows:
        rows.execute("DELETE FROM covers")
        rows.execute("DELETE FROM refs WHERE name IN ('s2', 's3', 's5')")
    rows.close()


def make_mock(machine: Machine):
    """What mock's overlayfs plugin keeps: base <- postinit <- mvn, which is current, <- an upper; left by a kill."""
    base, first, second, upper = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "0123")
    for layer, parent in ((base, None), (first, base), (second, first), (upper, second)):
        directory = machine.store / "layers" / layer
        (directory / "fs").mkdir(parents=True)
        (directory / "refcounter").write_text("torn")
        if parent:
            (directory / "parent").write_text(parent)
            (directory / "fs" / f"of-{layer[0]}").write_text(layer)
        if layer != upper:
            (directory / "immutable").touch()
    (machine.store / "layers" / upper / "fs" / ".initialized").touch()
    (machine.store / "refs").mkdir()
    for ref, layer in ((".base", base), (".current", second), (".upper", upper), ("postinit", first), ("mvn", second)):
        (machine.store / "refs" / ref).write_text(layer)
    (machine.store / "locks" / "snapshot.lock").mkdir(parents=True)


@dataclass
class Operation:
    name: str
    words: list[str]
    start: Callable[[Machine], None] = make_usual
    first: list[str] | None = None  # a command before it, each time
    keeps_times: bool = True        # the same again gives the same times of files
    shows: bool = True              # a user sees that it was done


OPERATIONS = [
    Operation("init", ["--init"], make_empty, keeps_times=False),
    Operation("init-again", ["--init"]),
    Operation("snapshot", ["--snapshot", "new"]),
    Operation("rollback", ["--rollback-to", "postinit"]),
    Operation("remove", ["--remove-snapshot", "one"]),
    Operation("remove-last-name", ["--remove-snapshot", "two"]),
    Operation("clean", ["--clean"]),
    Operation("scrub", ["--scrub", "overlayfs"]),
    Operation("mount", ["--mount"]),
    Operation("umount", ["--umount"], first=["--mount"]),
    Operation("session", ["--chroot", "--", "/bin/change", "rename"]),
    Operation("session-of-new-head", ["--uniqueext", "new", "--chroot", "--", "/bin/true"], shows=False),
    Operation("collect", ["--scrub", "dnf-cache", "--wait"], make_garbage, shows=False),
    Operation("merge", ["--scrub", "dnf-cache", "--wait"], make_mergeable, shows=False),
    Operation("takeover", ["--list-snapshots"], make_mock),
]
