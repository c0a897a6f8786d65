"""Whatever is killed or fails, and wherever: the store is as before or as after, and the next command works."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from machine import Machine, Result
from operations import OPERATIONS, Operation

#: Of an operation, in each proof; without PLYROOT_FULL.
POINTS = int(os.environ.get("PLYROOT_CRASH_POINTS", "14"))


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


def next_commands_work(machine: Machine, prepared: Prepared, state: dict, wrong: list[str]):
    """No step by hand, whatever is asked for next; and what was cut short can be done again."""
    operation = prepared.operation
    if state == prepared.before != prepared.after:
        again = machine.run(*operation.words)
        if again.code != 0 or again.stuck:
            wrong.append(f"the same again: {again.code} {again.stuck} {again.stderr}")
        elif state_of(machine, operation) != prepared.after:
            wrong.append(f"the same again, and not as after: {state_of(machine, operation)}\n    {prepared.after}")
    for words in (["--umount"], ["--list-snapshots"], ["--chroot", "--", "/bin/true"], ["--snapshot", "next"], ["--mount"], ["--umount"],
                  ["--clean"], ["--rollback-to", "next"], ["--remove-snapshot", "next"], ["--scrub", "overlayfs", "--wait"]):
        if operation.start.__name__ == "make_mock" and words[0] == "--chroot":
            continue  # that root holds no programs
        done = machine.run(*words)
        if done.code != 0 or done.stuck:
            wrong.append(f"then {words}: {done.code} {done.stuck} {done.stdout}{done.stderr}")
    left = [str(path) for place in ("trash", "staging") for path in (machine.store / place).glob("*")]
    left += [str(path) for path in (machine.store / "layers").iterdir()][1:]
    if left:
        wrong.append(f"left after a scrub: {left}")


#: What one kind of fault wants besides: check(FAULT, what was done, the state after it, WRONG), which adds to WRONG.
Check = Callable[[tuple, Result, dict, list[str]], None]


def go_through(machine: Machine, prepared: Prepared, points: list[tuple], faults: list[tuple], check: Check, note: Callable[..., None]):
    """Does the operation once for each of the faults, which are all points or a sample; fails with what was wrong."""
    failures = []
    not_hit = 0
    for number, fault in enumerate(faults):
        wrong: list[str] = []
        for _ in range(3):
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


#: Memory has no reflinks, so merging makes hard links there.
PLACES_AND_OPERATIONS = [pytest.param("machine", operation, id=operation.name) for operation in OPERATIONS]
PLACES_AND_OPERATIONS += [pytest.param("machine_with_reflinks", operation, id="merge-by-reflinks") for operation in OPERATIONS if operation.name == "merge"]


@pytest.mark.parametrize("place, operation", PLACES_AND_OPERATIONS)
def test_killed_anywhere(place, operation, full, numbers, request):
    machine = request.getfixturevalue(place)
    prepared = prepare(machine, operation)
    points = [(when, place, name, n) for place, name, n, changes, _ in prepared.calls if changes == "1" for when in ("kill-before", "kill-after")]

    def check(fault, done, state, wrong):
        next_commands_work(machine, prepared, state, wrong)

    go_through(machine, prepared, points, sample(points, POINTS, full), check,
               partial(numbers, "killed-anywhere", request.node.callspec.id))


@pytest.mark.parametrize("last_call", ["clone3", "sendmsg"], ids=["nothing-told", "tree-told"])
def test_a_session_ends_whose_command_was_killed_before_it_was_let_in(machine, last_call):
    operation = next(operation for operation in OPERATIONS if operation.name == "session")
    prepared = prepare(machine, operation)
    assert any(call[:3] == ["0", last_call, "1"] for call in prepared.calls)
    begin(machine, operation, prepared.template)
    done = machine.run(*operation.words, fault=("kill-after", "0", last_call, 1))
    assert done.code == 137
    assert not done.stuck


def test_a_first_installation_that_was_killed_is_begun_anew(machine):
    operation = next(operation for operation in OPERATIONS if operation.name == "init")
    prepared = prepare(machine, operation)
    *_, (place, name, n, *_) = (call for call in prepared.calls if call[:2] == ["0", "clone"])  # packages are there, no build user yet
    begin(machine, operation, prepared.template)
    assert machine.run(*operation.words, fault=("kill-before", place, name, n)).code == 137
    [half] = [path for path in machine.store.glob("layers/*/fs") if (path / "usr/bin/sh").exists()]
    (half / "half-installed").touch()
    machine.ok("--chroot", "--", "/bin/true")
    assert machine.what_a_user_sees(with_times=False)["snapshots"] == prepared.after["snapshots"]


def test_a_sync_of_the_database_that_a_signal_interrupts_is_done_again(machine, numbers):
    operation = next(operation for operation in OPERATIONS if operation.name == "merge")
    prepared = prepare(machine, operation)
    faults = [("error", place, name, n, errno.EINTR) for place, name, n, *_ in prepared.calls if place == "0" and name == "fdatasync"]
    assert faults

    def check(fault, done, state, wrong):
        if done.code != 0 or state != prepared.after:
            wrong.append(f"exit code {done.code}: {done.stderr}")

    go_through(machine, prepared, faults, faults, check, partial(numbers, "interrupted", "merge"))


#: What may fail with what: by the kind of call.
SPACE = {"write", "pwrite64", "openat", "openat2", "mkdir", "mkdirat", "mknodat", "renameat", "renameat2", "symlinkat", "link", "linkat", "fsetxattr", "ftruncate",
         "fallocate", "fsync", "fdatasync", "syncfs", "bind", "fchown", "fchownat", "copy_file_range", "ioctl"}
INTERRUPTED = {"write", "pwrite64", "openat", "openat2", "fsync", "fdatasync", "syncfs", "fcntl", "sendmsg", "accept4", "connect", "fallocate", "ftruncate", "mount", "fsmount"}


def faults_of(call: list[str]) -> list[tuple]:
    place, name, n, changes, _ = call
    numbers = []
    if changes == "1":
        numbers += [errno.EIO, errno.ENOMEM, errno.EROFS]
        if name in SPACE:
            numbers += [errno.ENOSPC, errno.EDQUOT]
    if name in INTERRUPTED:
        numbers.append(errno.EINTR)
    if changes == "0" and name != "fcntl" or name in ("openat", "openat2", "open_tree", "fsopen", "fsmount"):
        numbers.append(errno.EMFILE)
    faults = [("error", place, name, n, number) for number in numbers]
    if changes == "1" and name in SPACE:
        faults.append(("errors-from", place, name, n, errno.ENOSPC))
    if name in ("write", "pwrite64"):
        faults.append(("short", place, name, n))
    return faults


#: Calls on a file that has a path; where it is one of a new file system's or of the root's, the message says that.
ON_A_PATH = {"openat", "openat2", "mkdirat", "renameat", "renameat2", "unlinkat", "symlinkat", "linkat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate",
             "fchmod", "fchown", "fchownat", "fsetxattr"}
#: What has no path on the host, or is a directory that is only tried, with files that mean nothing to anybody.
NAMED_OTHERWISE = ("a private /tmp", "where build roots are to be kept")
NAMES_A_PLACE = re.compile(r"/|in a new file system|the build root")


def in_words(fault: tuple) -> str:
    what, process, call, n, *number = fault
    return f"{what}{''.join(' ' + errno.errorcode[each] for each in number)} at {call}, the {n}. of process {process}"


def without_numbers(text: str) -> str:
    """Layers' directories and files that are being written have other ones each time."""
    return re.sub(r"[0-9a-f]{8}|[0-9]+", "#", text)


def is_named_in(file: str, errors: str) -> bool:
    """By its own name, or by that which it gets once it is whole."""
    name = without_numbers(Path(file).name)
    being_written = re.fullmatch(r"\.(.+)\.#\.new", name)
    return name in without_numbers(errors) or bool(being_written and being_written[1] in without_numbers(errors))


def reasons_of(fault: tuple) -> tuple[str, ...]:
    number = fault[4]
    reasons = [os.strerror(number)]
    if number == errno.EROFS:
        reasons.append("attempt to write a readonly database")  # SQLite has tried again, and may read
    if number == errno.ENOMEM:
        reasons.append("out of memory")
        if fault[2] == "clone3":
            reasons.append(os.strerror(errno.EAGAIN))  # glibc's reason for a thread that cannot start (pthread_create(3))
    return tuple(reasons)


@pytest.mark.parametrize("place, operation", PLACES_AND_OPERATIONS)
def test_failing_anywhere(place, operation, full, numbers, request):
    machine = request.getfixturevalue(place)
    prepared = prepare(machine, operation)
    points = [fault for call in prepared.calls for fault in faults_of(call)]

    def check(fault, done, state, wrong):
        if done.code == 0:
            if state != prepared.after:
                wrong.append(f"exit code 0, and not as after: {state}\n    {prepared.after}")
            return
        reasons = reasons_of(fault) if len(fault) > 4 else ()
        if not any(reason in done.stderr for reason in reasons):
            wrong.append(f"exit code {done.code}, and no reason is given: {done.stderr}")
        if os.strerror(0) in done.stderr:
            wrong.append(f"a reason that is none: {done.stderr}")
        if fault[4:] == (errno.EINTR,):
            wrong.append(f"an interruption is no error: {done.stderr}")
        errors = "\n".join(line for line in done.stderr.splitlines() if line.startswith("ERROR"))
        # Not that of the first run: how often a file is looked for differs.
        call = " ".join(map(str, fault[1:4])) + " "
        file = next((line.split(" ", 4)[4] for line in done.calls if line.startswith(call)), "-")
        is_named = file == "-" or fault[0] == "errors-from" or is_named_in(file, errors) or any(place in errors for place in NAMED_OTHERWISE)
        if fault[2] in ON_A_PATH and not (NAMES_A_PLACE.search(errors) and is_named):
            wrong.append(f"no path to {file} is given: {done.stderr}")
        if fault[0] == "short":
            wrong.append(f"a short write is no error: {done.stderr}")

    go_through(machine, prepared, points, sample(points, 2 * POINTS, full), check,
               partial(numbers, "failing-anywhere", request.node.callspec.id))
