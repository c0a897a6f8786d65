"""The machine is started anew: all mounts, locks' holders and processes are gone, and their numbers are used again."""

from __future__ import annotations

import subprocess
from pathlib import Path

from machine import MNT_DETACH, MS_BIND, Machine, mount, unmount
from operations import make_usual

WARNING = "the machine was restarted before"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class AnotherBoot:
    """What the kernel drew for the boot, as everything in this mount namespace sees it."""

    def __init__(self, scratch: Path, text: str):
        self.file = scratch / "boot_id"
        self.file.write_text(text + "\n")

    def __enter__(self):
        mount(str(self.file), BOOT_ID, flags=MS_BIND)

    def __exit__(self, *_):
        unmount(BOOT_ID, MNT_DETACH)


NEW_PID_NAMESPACE = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
#: The new /proc hides what AnotherBoot has put over the old one's.
SEE_BOOT_ID = ["sh", "-c", 'mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"']


def in_new_pid_namespace(scratch: Path, *words: str) -> subprocess.CompletedProcess:
    """Runs a command where process ids begin with 1 again. All that it leaves is killed at the end."""
    return subprocess.run([*NEW_PID_NAMESPACE, *SEE_BOOT_ID, scratch / "boot_id", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def crash_with_everything_in_use(machine: Machine, scratch: Path):
    """A session, another command in it, a mounted root, housekeeping that waits: and then nothing of it."""
    script = f"""
        "$@" --chroot -- /bin/change wait &
        "$@" --uniqueext x --mount
        "$@" --uniqueext x --chroot -- /bin/true
        for try in $(seq 1000); do [ -S {machine.store}/heads/@main.socket ] && break; sleep 0.01; done
        "$@" --chroot -- /bin/change rename
        kill -9 -1
    """
    with AnotherBoot(scratch, "the boot before"):
        in_new_pid_namespace(scratch, "bash", "-c", script, "bash", *machine.prefix)


EVERY_COMMAND = (["--list-snapshots"], ["--print-root-path"], ["--fsck"], ["--chroot", "--", "/bin/true"], ["--uniqueext", "x", "--chroot", "--", "/bin/true"],
                 ["--snapshot", "next"], ["--mount"], ["--umount"], ["--clean"], ["--rollback-to", "one"], ["--remove-snapshot", "one"],
                 ["--orphanskill"], ["--init"], ["--install", "something"], ["--uniqueext", "x", "--clean"], ["--scrub", "overlayfs", "--wait"], ["--init"])


def test_every_command_works_first_after_a_reboot(machine, scratch, numbers):
    machine.restore(None)
    make_usual(machine)
    template = scratch / "usual"
    machine.keep(template)
    for number, words in enumerate(EVERY_COMMAND):
        machine.restore(template)
        crash_with_everything_in_use(machine, scratch)
        assert (machine.store / "heads" / "@main.socket").exists()  # what a crash leaves
        with AnotherBoot(scratch, f"boot {number}"):
            done = in_new_pid_namespace(scratch, *machine.prefix, *words)
            assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
            for then in EVERY_COMMAND[:4]:
                machine.ok(*then)
    numbers("reboot", "first commands", ran=len(EVERY_COMMAND), of=len(EVERY_COMMAND))


def test_what_was_not_on_the_disk_is_gone_as_a_whole_and_told_once(machine, scratch):
    machine.restore(None)
    make_usual(machine)
    machine.ok("--clean")
    machine.ok("--snapshot", "now")
    before = machine.what_a_user_sees()
    crash_with_everything_in_use(machine, scratch)
    with AnotherBoot(scratch, "another boot"):
        first = machine.ok("--chroot", "--", "/bin/true")
        assert WARNING in first.stderr
        assert WARNING not in machine.ok("--chroot", "--", "/bin/true").stderr
        after = machine.what_a_user_sees()
        assert after["snapshots"] == before["snapshots"]
        assert after["heads"][""]["now"] == before["heads"][""]["current"]
