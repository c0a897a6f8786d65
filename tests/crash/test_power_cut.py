"""The power is cut at any instant: the file system is shut down without its log being written (the ioctl that xfs and
ext4 have for tests), at a random moment of a random operation while a session writes; then it is mounted anew, in another
boot. What had returned and is promised to be on the disk is there byte for byte; what is not promised is there whole, or
gone with the warning. (A loop image has the page cache below it, so a missing device flush is not seen.)"""

from __future__ import annotations

import fcntl
import json
import os
import random
import struct
import subprocess
import time
from pathlib import Path

import pytest
from machine import TOOLS, Machine, Result
from operations import make_usual
from test_reboot import NEW_PID_NAMESPACE, SEE_BOOT_ID, WARNING, AnotherBoot

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-O", "has_journal"], "xfs": ["mkfs.xfs", "-q", "-f"]}
CUTS_IN_CI, CUTS_IN_FULL = 25, 500
MOST_CUTS_WITHOUT_SYNCS = 25
SEED = int(os.environ.get("PLYROOT_SEED", "20"))


class Disk:
    """A file system on a loop image, whose power can be cut."""

    def __init__(self, kind: str, directory: Path, megabytes: int = 512):
        directory.mkdir()
        image = directory / "image"
        self.path = directory / "disk"
        self.path.mkdir()
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run([*MAKE[kind], image], check=True)
        self.device = subprocess.run(["losetup", "--find", "--show", image], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.held = os.open(self.device, os.O_RDWR)
        subprocess.run(["losetup", "-d", self.device], check=True)  # it goes with the descriptor, whatever happens
        self.attach()

    def attach(self):
        subprocess.run(["mount", self.device, self.path], check=True)

    def cut(self):
        top = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(top, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(top)

    def detach(self):
        for _ in range(1000):  # what used it was killed, and may take a moment to have gone
            done = subprocess.run(["umount", self.path], capture_output=True, text=True)
            if done.returncode == 0:
                return self.wait_until_unmounted_everywhere()
            time.sleep(0.01)
        raise AssertionError(f"the disk is still in use: {done.stderr}")

    def wait_until_unmounted_everywhere(self):
        """A mount namespace that another test has made from ours has a copy of the mount until it ends; mounting the disk
        anew would only show the file system that was shut down."""
        for _ in range(3000):
            try:
                os.close(os.open(self.device, os.O_RDONLY | os.O_EXCL))  # EBUSY where it is mounted, wherever that is
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("the disk is still mounted in another mount namespace")

    def close(self):
        subprocess.run(["umount", "-l", self.path], capture_output=True)
        os.close(self.held)


class Boot:
    """The time between two cuts: all processes live in a PID namespace of their own, and end at once with it."""

    def __init__(self, machine: Machine, no_sync: bool):
        self.machine = machine
        self.prefix = [str(TOOLS / "fault-injector"), "/dev/null", "no-sync", "--"] if no_sync else []
        self.init = subprocess.Popen([*NEW_PID_NAMESPACE, *SEE_BOOT_ID, machine.scratch / "boot_id", "sh", "-c", "echo ready; exec sleep 1000000"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.init.stdout.readline()
        [child] = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        self.enter = ["nsenter", "--target", child, "--pid", "--mount"]

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen([*self.enter, *self.prefix, *self.machine.prefix, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace")

    def run(self, *words: str) -> Result:
        process = self.start(*words)
        stdout, stderr = process.communicate()
        return Result(process.returncode, stdout, stderr)

    def end(self):
        self.init.kill()  # and with it, by --kill-child, the namespace
        self.init.wait()


class Main:
    """What has been promised of the main head and of the snapshots."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.look()
        self.now_is_promised = True

    def look(self):
        seen = self.machine.what_a_user_sees(heads=("",))
        self.snapshots = seen["snapshots"]
        self.current = seen["heads"][""]["current"]
        self.now = seen["heads"][""]["now"]

    def returned(self, words: list[str]):
        """A command has ended well."""
        self.look()
        if words[0] != "--remove-snapshot":  # which leaves the head as it is
            self.now_is_promised = words[0] != "--chroot"

    def allowed_now(self) -> set[str]:
        return {self.now} if self.now_is_promised else {self.now, self.current}

    def allowed_after(self, words: list[str] | None) -> list[tuple[list, str, set[str]]]:
        """Snapshots, current and what the head may show after a cut: as promised; or, where a command was under way,
        as it would have been."""
        allowed = [(self.snapshots, self.current, self.allowed_now())]
        if words is None:
            return allowed
        if words[0] in ("--chroot", "--install"):  # the upper is used again, and all of it may be lost
            return [(self.snapshots, self.current, {self.now, self.current})]
        target = {"--snapshot": self.now, "--clean": self.current, "--rollback-to": dict(self.snapshots).get(words[-1])}
        if words[0] == "--snapshot":
            # Where the upper was gone before, the name is given to what was current.
            return allowed + [([*self.snapshots, (words[1], now)], now, {now}) for now in self.allowed_now()]
        if words[0] == "--remove-snapshot":
            return [*allowed, ([snapshot for snapshot in self.snapshots if snapshot[0] != words[1]], self.current, self.allowed_now())]
        return [*allowed, (self.snapshots, target[words[0]], {target[words[0]]})]


def random_command(rng: random.Random, main: Main, number: int) -> list[str]:
    names = [name for name, _ in main.snapshots]
    write = ["--chroot", "--", "/bin/change", "write", f"/usr/share/file-{rng.randrange(6)}", f"{number} " * rng.choice([1, 500, 20000])]
    install = ["--install", f"package-{number}"]
    commands = [write, write, ["--snapshot", f"s{number}"], ["--rollback-to", rng.choice(names)], ["--clean"], install]
    if len(names) > 4:
        commands += [["--remove-snapshot", rng.choice(names[1:])]] * 3
    return rng.choice(commands)


def wrong_after_a_cut(machine: Machine, boot: Boot, main: Main, words: list[str] | None, x_current: str) -> str:
    fsck = boot.run("--fsck", "--json")
    if fsck.code != 0:
        return f"fsck: {fsck.code} {fsck.stdout}{fsck.stderr}"
    damage = [finding for finding in json.loads(fsck.stdout)["findings"] if finding["severity"] == "damage"]
    if damage:
        return f"fsck: {damage}"
    warned = {}
    for head in ("", "x"):
        done = boot.run(*(["--uniqueext", head] if head else []), "--chroot", "--", "/bin/true")
        if done.code != 0:
            return f"head {head!r}: {done.code} {done.stderr}"
        warned[head] = WARNING in done.stderr
    seen = machine.what_a_user_sees()
    main_head, x = seen["heads"][""], seen["heads"]["x"]
    allowed = main.allowed_after(words)
    fits = any(seen["snapshots"] == snapshots and main_head["current"] == current and main_head["now"] in now for snapshots, current, now in allowed)
    if words and words[0] == "--install" and seen["snapshots"] == main.snapshots and not warned[""]:
        fits = True  # it was on the disk, and only had not returned; or nothing of it was
    if not fits:
        return f"{seen['snapshots']} {main_head}\n  is none of {allowed}"
    if x["now"] != x_current:
        return f"head x was written to when the power went, and shows what was written: {x}"
    if not warned["x"]:
        return "head x lost what was written to it, and nobody is told"
    return ""


def cut_again_and_again(disk: Disk, machine: Machine, rng: random.Random, cuts: int, no_sync: bool) -> tuple[str, int, int]:
    """@returns what was wrong, the cuts that were made, and those that came while a command was under way"""
    machine.restore(None)
    make_usual(machine)
    machine.ok("--clean")
    machine.ok("--uniqueext", "x", "--clean")
    os.sync()
    main = Main(machine)
    x_current = machine.what_a_user_sees()["heads"]["x"]["current"]
    under_way: list[str] | None = None
    number = in_command = 0
    usual_time = 0.05  # that a command takes, as seen so far: the cut comes while one is under way, or just after it
    for cut in range(cuts + 1):
        with AnotherBoot(machine.scratch, f"boot {cut}"):
            boot = Boot(machine, no_sync)
            try:
                if cut > 0:
                    wrong = wrong_after_a_cut(machine, boot, main, under_way, x_current)
                    if wrong:
                        return f"cut {cut}, seed {SEED}, in {str(under_way)[:80]}: {wrong}", cut, in_command
                    main.look()
                    main.now_is_promised = False  # --chroot has used it
                if cut == cuts:
                    break
                writer = boot.start("--uniqueext", "x", "--chroot", "--", "/bin/change", "churn", "/usr/share/churn")
                writer.stdout.readline()  # it has begun
                for _ in range(rng.randrange(4)):
                    number += 1
                    words = random_command(rng, main, number)
                    begin = time.monotonic()
                    done = boot.run(*words)
                    usual_time = 0.7 * usual_time + 0.3 * (time.monotonic() - begin)
                    if done.code != 0:
                        return f"{str(words)[:80]}: {done.code} {done.stderr}", cut, in_command
                    main.returned(words)
                number += 1
                under_way = random_command(rng, main, number)
                process = boot.start(*under_way)
                time.sleep(rng.uniform(0, 1.3 * usual_time))
                if process.poll() == 0:
                    main.returned(under_way)
                    under_way = None
                else:
                    in_command += 1
                disk.cut()
            finally:
                boot.end()
        disk.detach()
        disk.attach()
    return "", cuts, in_command


@pytest.mark.parametrize("no_sync", [False, True], ids=["synced", "without-syncs"])
@pytest.mark.parametrize("kind", MAKE)
def test_what_was_promised_survives_a_power_cut(kind, no_sync, scratch, full, numbers):
    cuts = MOST_CUTS_WITHOUT_SYNCS if no_sync else CUTS_IN_FULL if full else CUTS_IN_CI
    disk = Disk(kind, scratch / f"{kind}-{no_sync}")
    try:
        machine = Machine(disk.path, scratch / f"{kind}-{no_sync}")
        wrong, made, in_command = cut_again_and_again(disk, machine, random.Random(SEED), cuts, no_sync)
    finally:
        disk.close()
    if no_sync:
        assert wrong, f"nothing was synced, and {made} cuts did not show it: this test cannot fail"
    else:
        numbers("power-cut", kind, ran=made, of=CUTS_IN_FULL, in_command=in_command)
        assert not wrong, wrong
