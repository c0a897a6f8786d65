"""Whatever is done to an operation, and wherever: the store is as before or as after, and the next command works."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from machine import Machine, Result
from operations import OPERATIONS, Operation

#: Of an operation, in each proof; without PLYROOT_FULL.
POINTS = int(os.environ.get("PLYROOT_CRASH_POINTS", "14"))

#: Of one point. On a busy machine each of two processes in the background is as likely to be the one that has the work,
#: and a point is one process's.
TRIES = 10

#: Memory has no reflinks, so merging makes hard links there.
PLACES_AND_OPERATIONS = [pytest.param("machine", operation, id=operation.name) for operation in OPERATIONS]
PLACES_AND_OPERATIONS += [pytest.param("machine_with_reflinks", operation, id="merge-by-reflinks") for operation in OPERATIONS if operation.name == "merge"]


@dataclass
class Prepared:
    operation: Operation
    template: Path
    before: dict
    after: dict
    calls: list[list[str]]  # PROCESS, NAME, N, CHANGES, FILE


def state_of(machine: Machine, operation: Operation) -> dict:
    seen = machine.what_a_user_sees(with_times=operation.keeps_times)
    if not seen:
        return {"nothing": True}
    # A head that nobody has used stands where the main head stands.
    main = seen["heads"].get("", {})
    unused = {"current": main.get("current"), "now": main.get("current"), "named": main.get("named")}
    heads = {name: head for name, head in seen["heads"].items() if name == "" or head != unused}
    if operation.start.__name__ == "make_empty" and not seen["snapshots"]:
        return {"nothing": True}  # what is there of a root that is not initialised is nothing yet
    return {"snapshots": seen["snapshots"], "heads": heads, "mounted": machine.is_mounted()}


def prepare(machine: Machine, operation: Operation, cache={}) -> Prepared:
    key = (machine, operation.name)
    if key in cache:
        return cache[key]
    template = machine.scratch / f"template-{operation.start.__name__}"
    if not template.exists():
        machine.restore(None)
        operation.start(machine)
        machine.keep(template)
    for _ in range(2):  # what was evaluated within moments of the configuration's last change is not kept; then it is
        begin(machine, operation, template)
        machine.ok(*operation.words)
    begin(machine, operation, template)
    before = state_of(machine, operation)
    begin(machine, operation, template)  # looking has left a list at hand
    directories = directories_of(machine)
    done = machine.run(*operation.words, fault=("list",))
    assert done.code == 0, done.stderr
    after = state_of(machine, operation)
    assert (before != after) == operation.shows
    assert directories != directories_of(machine) or operation.shows, "an operation that does nothing proves nothing"
    cache[key] = Prepared(operation, template, before, after, [line.split(" ", 4) for line in done.calls])
    return cache[key]


def directories_of(machine: Machine) -> list[str]:
    return sorted(str(path) for path in machine.store.glob("*/*"))


def begin(machine: Machine, operation: Operation, template: Path):
    machine.restore(template)
    if operation.first:
        machine.ok(*operation.first)


def sample(points: list, most: int, full: bool) -> list:
    """All of them, or every n-th: the same ones each time."""
    return points if full or len(points) <= most else points[:: -(-len(points) // most)]


#: What may be asked first after a fault: each has to bring to an end what was begun.
FIRST_COMMANDS = [["--fsck", "--json"], ["--list-snapshots"], ["--print-root-path"], ["--uniqueext", "other", "--list-snapshots"], ["--umount"],
                  ["--fsck", "--repair"], ["--orphanskill"], ["--scrub", "dnf-cache"]]


def look_at(machine: Machine, prepared: Prepared, done: Result, wrong: list[str], number: int) -> dict:
    """What must hold whatever has happened."""
    operation = prepared.operation
    if done.stuck:
        wrong.append(f"never ended: {done.stuck}")
    first = FIRST_COMMANDS[number % len(FIRST_COMMANDS)]
    if operation.name not in ("mount", "umount") or first != ["--umount"]:  # which they could not be told from
        asked = machine.run(*first)
        if asked.code != 0 or asked.stuck:
            wrong.append(f"first {first}: {asked.code} {asked.stuck} {asked.stdout}{asked.stderr}")
    fsck = machine.run("--fsck", "--json")
    if fsck.code != 0:
        wrong.append(f"fsck: {fsck.code} {fsck.stdout}{fsck.stderr}")
    else:
        damage = [finding for finding in json.loads(fsck.stdout)["findings"] if finding["severity"] == "damage"]
        if damage:
            wrong.append(f"fsck: {damage}")
    state = state_of(machine, operation)
    if state not in (prepared.before, prepared.after):
        wrong.append(f"neither as before nor as after:\n    {state}\n    {prepared.before}\n    {prepared.after}")
    return state


def in_words(fault: tuple) -> str:
    what, process, call, n, *number = fault
    return f"{what}{''.join(' ' + errno.errorcode[each] for each in number)} at {call}, the {n}. of process {process}"


#: What one kind of fault wants besides: check(FAULT, what was done, the state after it, WRONG), which adds to WRONG.
Check = Callable[[tuple, Result, dict, list[str]], None]


def go_through(machine: Machine, prepared: Prepared, points: list[tuple], faults: list[tuple], check: Check, note: Callable[..., None]):
    """Does the operation once for each of the faults, which are all points or a sample; fails with what was wrong."""
    failures = []
    not_hit = 0
    for number, fault in enumerate(faults):
        wrong: list[str] = []
        for _ in range(TRIES):
            begin(machine, prepared.operation, prepared.template)
            done = machine.run(*prepared.operation.words, fault=fault)
            if done.hit:
                break
        not_hit += not done.hit
        state = look_at(machine, prepared, done, wrong, number)
        check(fault, done, state, wrong)
        if wrong:
            failures.append(in_words(fault) + ":\n  " + "\n  ".join(wrong))
    note(ran=len(faults), of=len(points), failed=len(failures), not_hit=not_hit)
    # How often a lock is asked for, and which of two processes in the background finds what there is to do, is not the
    # same in each run.
    assert not_hit <= len(faults) // 10 + 1, f"{not_hit} of {len(faults)} points were never reached"
    assert not failures, f"{len(failures)} of {len(faults)} points:\n" + "\n".join(failures[:12])
