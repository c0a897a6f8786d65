"""Whatever is killed, and wherever."""

from functools import partial

import pytest
from machine import Machine
from matrix import PLACES_AND_OPERATIONS, POINTS, Prepared, begin, go_through, prepare, sample, state_of
from operations import OPERATIONS


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
    # The last but that of the background: packages are there, no build user yet.
    *_, (place, name, n, *_), _ = (call for call in prepared.calls if call[:2] == ["0", "clone"])
    begin(machine, operation, prepared.template)
    assert machine.run(*operation.words, fault=("kill-before", place, name, n)).code == 137
    [half] = [path for path in machine.store.glob("layers/*/fs") if (path / "usr/bin/sh").exists()]
    (half / "half-installed").touch()
    machine.ok("--chroot", "--", "/bin/true")
    assert machine.what_a_user_sees(with_times=False)["snapshots"] == prepared.after["snapshots"]
