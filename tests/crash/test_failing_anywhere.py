"""Whatever fails, and wherever."""

from __future__ import annotations

import errno
import os
import re
from functools import partial
from pathlib import Path

import pytest
from matrix import PLACES_AND_OPERATIONS, POINTS, go_through, prepare, sample
from operations import OPERATIONS

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


def test_a_sync_of_the_database_that_a_signal_interrupts_is_done_again(machine, numbers):
    operation = next(operation for operation in OPERATIONS if operation.name == "merge")
    prepared = prepare(machine, operation)
    faults = [("error", place, name, n, errno.EINTR) for place, name, n, *_ in prepared.calls if place == "0" and name == "fdatasync"]
    assert faults

    def check(fault, done, state, wrong):
        if done.code != 0 or state != prepared.after:
            wrong.append(f"exit code {done.code}: {done.stderr}")

    go_through(machine, prepared, faults, faults, check, partial(numbers, "interrupted", "merge"))
