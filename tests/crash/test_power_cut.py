"""The power is cut at any instant: the file system is shut down without its log being written (the ioctl that xfs and
ext4 have for tests), at a random moment of an operation of each kind while a session writes; then it is mounted anew, in
another boot. What had returned and is promised to be on the disk is there byte for byte; what is not promised is there
whole, or gone with the warning. (A loop image has the page cache below it, so a missing device flush is not seen.)"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from disk import MAKE, Disk
from machine import SOURCE, TOOLS, Machine, Result
from operations import make_mock
from test_reboot import NEW_PID_NAMESPACE, SEE_BOOT_ID, WARNING, AnotherBoot

F_OFD_SETLKW = 38
CUTS_IN_CI, CUTS_IN_FULL = 25, 500
MOST_CUTS_WITHOUT_SYNCS = 25
SEED = int(os.environ.get("PLYROOT_SEED", "20"))


class Boot:
    """The time between two cuts: all processes live in a PID namespace of their own, and end at once with it."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.init = subprocess.Popen([*NEW_PID_NAMESPACE, *SEE_BOOT_ID, machine.scratch / "boot_id", "sh", "-c", "echo ready; exec sleep 1000000"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.init.stdout.readline()
        [child] = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        self.enter = [shutil.which("nsenter"), "--target", child, "--pid", "--mount"]
        # Whoever looks through another mount has the log compared with the database, and that synced: nobody is to.
        self.prefix_outside = machine.prefix
        machine.prefix = [*self.enter, *machine.prefix]

    def start(self, *words: str, of: Machine | None = None, injected: str = "") -> subprocess.Popen:
        injector = [str(TOOLS / "fault-injector"), "/dev/null", injected, "--"] if injected else []
        return subprocess.Popen([*self.enter, *injector, *(of.prefix if of else self.prefix_outside), *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def run(self, *words: str, injected: str = "") -> Result:
        process = self.start(*words, injected=injected)
        stdout, stderr = process.communicate()
        return Result(process.returncode, stdout, stderr)

    def end(self):
        self.machine.prefix = self.prefix_outside
        self.init.kill()  # and with it, by --kill-child, the namespace
        self.init.wait()


@dataclass(frozen=True)
class Seen:
    """What the store shows of the snapshots and of the main head."""

    snapshots: tuple[tuple[str, str], ...] = ()
    current: str = ""
    now: str = ""
    warned: bool = False  # that what was written is lost


NOTHING = Seen()


def look(machine: Machine, with_times: bool = True) -> Seen:
    seen = machine.what_a_user_sees(with_times=with_times, heads=("",))
    if not seen:
        return NOTHING
    mounted = mounted_through_covers(machine, with_times)

    def also_as_mounted(name: str, tree: str) -> str:
        return tree if mounted.get(name, tree) == tree else f"{tree}, and as it is mounted {mounted[name]}"

    return Seen(tuple((name, also_as_mounted(name, tree)) for name, tree in seen["snapshots"]),
                also_as_mounted("", seen["heads"][""]["current"]), seen["heads"][""]["now"])


def mounted_through_covers(machine: Machine, with_times: bool) -> dict[str, str]:
    """Of the snapshots, and of what is current: where there are covers, it is those that are mounted."""
    rows = sqlite3.connect(f"file:{machine.store / 'store.db'}?mode=ro", uri=True)
    covers = {layer: (directory, below) for layer, directory, below in rows.execute("SELECT layer, directory, below FROM covers")}
    layers = {layer: (directory, parent) for layer, directory, parent in rows.execute("SELECT id, directory, parent FROM layers")} | covers
    names = list(rows.execute("SELECT name, layer FROM refs")) + list(rows.execute("SELECT '', current FROM heads WHERE name = ''"))
    rows.close()
    return {name: machine.digest_of_chain(layers, layer, with_times) for name, layer in names} if covers else {}


Words = list[str]


@dataclass(frozen=True)
class Kind:
    """Commands of a kind, and what holds of them."""

    name: str
    words: Callable[[random.Random, Seen], Words]
    first: tuple[str, ...] = ()  # kinds of commands before the one that the power goes in
    done: Callable[[Words, Seen], Seen] = lambda words, before: before
    writes: bool = False  # the upper is used again, and all of it may be lost
    same_content: bool = False  # that is written again: known, though the files' times are not
    on_disk: bool | None = None  # what the main head shows, once it has returned; nothing: as before
    at_once: bool = False  # the housekeeping, which is waited for
    scrubs: bool = False  # or is only done where nothing is; nobody writes to head x then


def write(rng: random.Random, _: Seen) -> Words:
    return ["--chroot", "--", "/bin/change", "write", f"/usr/share/file-{rng.randrange(6)}", f"{rng.random()} " * rng.choice([1, 100, 4000])]


def remove_the_last_but_one(_: random.Random, seen: Seen) -> Words:
    return ["--remove-snapshot", seen.snapshots[-2][0]]


def on_top(before: Seen, tree: str) -> Seen:
    return replace(before, current=tree, now=tree)


def without_name(words: Words, before: Seen) -> Seen:
    return replace(before, snapshots=tuple(snapshot for snapshot in before.snapshots if snapshot[0] != words[1]))


def package_command(option: str) -> Kind:
    return Kind(f"{option}-package", lambda *_: [f"--{option}", "package"], ("install-package", "write"), writes=True, same_content=True, on_disk=True)


#: Of names on top of each other the last but one goes, so that its layer is absorbed. It hides what lies below: that must stay hidden.
TO_BE_MERGED = ("change", "snapshot", "rename", "snapshot", "write", "snapshot", "write", "remove-last-but-one")

KINDS = [
    Kind("write", write, writes=True, on_disk=False),
    Kind("write-mounted", write, ("mount",), writes=True, on_disk=False),
    Kind("write-and-sync", lambda *_: ["--chroot", "--", "/bin/change", "write", "/usr/share/package", "package"], ("install-package",),
         writes=True, same_content=True, on_disk=True, at_once=True),
    Kind("snapshot", lambda rng, _: ["--snapshot", f"s{rng.randrange(10**9)}"], ("write",), on_disk=True,
         done=lambda words, before: on_top(replace(before, snapshots=(*before.snapshots, (words[1], before.now))), before.now)),
    Kind("rollback", lambda rng, seen: ["--rollback-to", rng.choice(seen.snapshots)[0]], ("write",), on_disk=True,
         done=lambda words, before: on_top(before, dict(before.snapshots)[words[1]])),
    Kind("clean", lambda *_: ["--clean"], ("write",), on_disk=True, done=lambda _, before: on_top(before, before.current)),
    Kind("remove", lambda rng, seen: ["--remove-snapshot", rng.choice(seen.snapshots[1:])[0]], ("snapshot",), done=without_name),
    Kind("remove-last-but-one", remove_the_last_but_one, ("write", "snapshot"), done=without_name),
    Kind("remove-and-keep-house", remove_the_last_but_one, ("change", "snapshot", "rename", "snapshot", "write", "snapshot"), done=without_name, at_once=True),
    package_command("install"),
    package_command("update"),
    package_command("remove"),
    Kind("installdeps", lambda *_: ["--installdeps", source_package()], ("install-package", "write"), writes=True, same_content=True, on_disk=True),
    Kind("mount", lambda *_: ["--mount"], ("write",), writes=True, on_disk=False),
    Kind("umount", lambda *_: ["--umount"], ("mount", "write")),
    Kind("merge", lambda *_: ["--scrub", "dnf-cache", "--wait"], TO_BE_MERGED, on_disk=True),
    Kind("repair", lambda *_: ["--fsck", "--repair"], TO_BE_MERGED),
    Kind("scrub", lambda *_: ["--scrub", "overlayfs"], on_disk=True, scrubs=True),
    Kind("init", lambda *_: ["--init"], ("scrub",), on_disk=True, scrubs=True),
    Kind("init-of-nothing", lambda *_: ["--init"], on_disk=True, scrubs=True),
    Kind("takeover", lambda *_: ["--list-snapshots"]),
]
ONLY_BEFORE = [
    Kind("change", lambda rng, _: ["--chroot", "--", "/bin/change", f"w{rng.randrange(10**9)}"], writes=True, on_disk=False),
    Kind("rename", lambda *_: ["--chroot", "--", "/bin/change", "rename"], writes=True, on_disk=False),
]
BY_NAME = {kind.name: kind for kind in KINDS + ONLY_BEFORE}
BETWEEN = ("write", "change", "snapshot", "rollback", "clean", "install-package", "remove", "merge")
MOST_SNAPSHOTS = 8
#: What the power goes in: each kind comes up equally often, and merging, which replaces what was promised long ago, more often.
ROUND = [*KINDS, BY_NAME["merge"], BY_NAME["merge"], BY_NAME["remove-and-keep-house"], BY_NAME["repair"]]


def source_package(cache=[]) -> str:
    if not cache:
        made = subprocess.run([SOURCE / "scripts" / "make-rpm-distro", "--print-path"], check=True, stdout=subprocess.PIPE, text=True)
        cache.append(str(next(Path(made.stdout.strip()).glob("srpms/noarch-tool-*.src.rpm"))))
    return cache[0]


class Wrong(Exception):
    """@param is_loss seen after a cut, by commands that nothing was injected into"""

    def __init__(self, text: str, is_loss: bool):
        super().__init__(text)
        self.is_loss = is_loss


class PowerCuts:
    """What has been promised of the main head and of the snapshots, and a head x that is written to all the time."""

    def __init__(self, disk: Disk, machine: Machine, made_by_mock: Machine, rng: random.Random, no_sync: bool):
        self.disk = disk
        self.machine = machine
        self.made_by_mock = made_by_mock
        self.rng = rng
        self.no_sync = no_sync
        self.injected = ""
        self.cuts = 0
        self.in_command: Counter = Counter()
        self.merged_seen = 0
        #: That a command of the kind takes, as seen so far: the cut comes while it is under way, or just after it.
        self.usual_time: dict[str, float] = {}
        machine.restore(None)
        machine.ok("--init")
        self.initialized = look(machine, with_times=False)
        machine.ok("--scrub", "overlayfs")
        self.empty = self.promised = look(machine)
        self.on_disk = True
        self.has_x = self.has_taken_over = False

    def make(self, cuts: int):
        deck: list[Kind] = []
        under_way: tuple[Kind, Words] | None = None
        for _ in range(cuts):
            deck = deck or self.rng.sample(ROUND, len(ROUND))
            kind = deck.pop()
            with self.boot(kind):
                self.see_after_cut(under_way)
                under_way = self.work_until_cut(kind)
            self.disk.detach()
            self.disk.attach()
            self.cuts += 1
        with self.boot(BY_NAME["write"]):
            self.see_after_cut(under_way)

    @contextmanager
    def boot(self, kind: Kind):
        with AnotherBoot(self.machine.scratch, f"boot {self.cuts}"):
            self.now = Boot(self.machine)
            self.injected = "no-sync" if self.no_sync else "none" if kind.at_once else ""
            self.held_off = -1
            try:
                yield
                self.disk.cut()
            finally:
                self.now.end()
                if self.held_off >= 0:
                    os.close(self.held_off)

    def hold_off_housekeeping(self):
        """Where no command waits for it, it would now and then, on a slow machine, remove what is just being looked at."""
        lock = self.machine.store / "heads" / "@housekeeping.lock"
        if self.injected or self.held_off >= 0 or not lock.parent.exists():
            return
        self.held_off = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.fcntl(self.held_off, F_OFD_SETLKW, struct.pack("hhlli4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))

    def run(self, *words: str):
        self.hold_off_housekeeping()
        done = self.now.run(*words, injected=self.injected)
        if done.code != 0:
            raise Wrong(f"{str(words)[:80]}: {done.code} {done.stderr}", is_loss=False)

    def run_kind(self, name: str):
        kind = BY_NAME[name]
        words = kind.words(self.rng, self.promised)
        begin = time.monotonic()
        self.run(*words)
        self.note_time(kind, time.monotonic() - begin)
        self.returned(kind, words)

    def note_time(self, kind: Kind, seconds: float):
        self.usual_time[kind.name] = 0.7 * self.usual_time.get(kind.name, seconds) + 0.3 * seconds

    def returned(self, kind: Kind, words: Words):
        seen = look(self.machine)
        if kind.name.startswith("init"):
            expected, found = self.initialized, look(self.machine, with_times=False)
        elif kind.name == "scrub":
            expected, found = self.empty, seen
        elif kind.writes:
            expected, found = replace(self.promised, now=seen.now), seen
        else:
            expected, found = kind.done(words, self.promised), seen
        if found != expected:
            raise Wrong(f"{str(words)[:80]} has returned, and this is seen: {found}\n  not {expected}", is_loss=False)
        self.promised = seen
        self.has_x = self.has_x and not kind.scrubs
        self.on_disk = self.on_disk if kind.on_disk is None else kind.on_disk

    def work_until_cut(self, kind: Kind) -> tuple[Kind, Words] | None:
        """@returns the command that was under way"""
        if not self.promised.snapshots:
            for name in ("init", "install-package", "write", "snapshot"):
                self.run_kind(name)
        self.let_x_write()
        for _ in range(self.rng.randrange(3)):
            self.run_kind(self.rng.choice(BETWEEN) if len(self.promised.snapshots) > 2 else "snapshot")
        while len(self.promised.snapshots) > MOST_SNAPSHOTS:
            self.run_kind("remove")
        if kind.scrubs:
            self.end_x()
        for name in kind.first:
            self.run_kind(name)
        if kind.name == "init-of-nothing":
            shutil.rmtree(self.machine.base_dir)
            subprocess.run(["sync", "-f", self.disk.path], check=True)
            self.promised = NOTHING
        waits = None
        if kind.name == "takeover":
            waits = self.let_mock_make_a_store()
        self.content = look(self.machine, with_times=False) if kind.same_content else None
        words = kind.words(self.rng, self.promised)
        process = self.now.start(*words, of=self.made_by_mock if kind.name == "takeover" else None, injected=self.injected)
        begin = time.monotonic()
        try:
            process.wait(waits or self.rng.uniform(0, 1.3 * self.usual_time.get(kind.name, 0.05)))
        except subprocess.TimeoutExpired:
            self.in_command[kind.name] += 1
            return kind, words
        if process.returncode != 0:
            raise Wrong(f"{str(words)[:80]}: {process.returncode} {process.stderr.read()}", is_loss=False)
        self.note_time(kind, time.monotonic() - begin)
        self.returned(kind, words)
        self.has_taken_over = kind.name == "takeover"
        return None

    def let_x_write(self):
        if not self.has_x or self.rng.random() < 0.2:
            name, self.x_current = self.rng.choice(self.promised.snapshots)
            self.run("--uniqueext", "x", "--rollback-to", name)
            self.has_x = True
        self.x_when_ended = ""
        self.writer = self.now.start("--uniqueext", "x", "--chroot", "--", "/bin/change", "churn", "/usr/share/churn", injected=self.injected)
        self.writer.stdout.readline()  # it has begun

    def end_x(self):
        self.run("--uniqueext", "x", "--orphanskill")
        self.writer.wait()
        self.x_when_ended = self.machine.what_a_user_sees(heads=("x",))["heads"]["x"]["now"]

    def let_mock_make_a_store(self) -> float | None:
        """@returns how long its takeover is to be waited for, where it has not been on the disk before"""
        mock = self.made_by_mock
        mock.restore(None)
        make_mock(mock)
        parents = {layer.name: layer / "parent" for layer in (mock.store / "layers").iterdir()}
        layers = {name: (name, parent.read_text() if parent.exists() else None) for name, parent in parents.items()}
        postinit, mvn, upper = (mock.digest_of_chain(layers, (mock.store / "refs" / ref).read_text(), True) for ref in ("postinit", "mvn", ".upper"))
        self.taken_over = Seen((("postinit", postinit), ("mvn", mvn)), mvn, upper)
        if self.rng.random() < 0.3:
            return 120
        subprocess.run(["sync", "-f", self.disk.path], check=True)
        return None

    def see_after_cut(self, under_way: tuple[Kind, Words] | None):
        injected = "none" if self.injected else ""  # nothing that is seen here is the injector's doing
        words = str(under_way[1])[:80] if under_way else "nothing"

        def lost(text: str) -> Wrong:
            return Wrong(f"cut {self.cuts}, seed {SEED}, in {words}: {text}", is_loss=True)

        self.require_well(self.machine, lost)
        self.hold_off_housekeeping()
        has_snapshots = self.machine.ok("--list-snapshots").stdout != ""
        has_x = self.has_head_x()
        warned = {}
        for head in ["", "x"] if has_x else [""]:
            # Where nobody has anything to lose, a head that is used would be initialised.
            use = ["--chroot", "--", "/bin/true"] if has_snapshots else ["--clean"]
            done = self.now.run(*(["--uniqueext", head] if head else []), *use, injected=injected)
            if done.code != 0:
                raise lost(f"head {head!r}: {done.code} {done.stderr}")
            warned[head] = WARNING in done.stderr
        seen = replace(look(self.machine), warned=warned[""])
        allowed = self.allowed_after(under_way)
        if seen not in allowed and not self.is_allowed_by_content(seen, under_way):
            raise lost(f"{seen}\n  is none of {allowed}")
        if under_way and under_way[0].name == "takeover" or self.has_taken_over:
            self.require_well(self.made_by_mock, lost)
            self.made_by_mock.ok("--list-snapshots")  # takes it over, where that was not done
            if look(self.made_by_mock) != self.taken_over:
                raise lost(f"what mock made: {look(self.made_by_mock)}\n  is not {self.taken_over}")
        if self.has_x and seen.snapshots and not (under_way and under_way[0].scrubs and seen.snapshots != self.promised.snapshots):
            now = self.machine.what_a_user_sees(heads=("x",))["heads"].get("x", {}).get("now")
            if (now, warned.get("x")) not in [(self.x_current, True), (self.x_when_ended, False)]:
                raise lost(f"head x was written to when the power went: {now}, {warned}; not {self.x_current}")
        self.promised = replace(seen, warned=False)
        self.on_disk = bool(injected)  # it was used by --chroot, after which the house was kept, or will be
        self.has_x = has_x
        self.has_taken_over = False
        if seen.snapshots:
            self.merged_seen += sum(name[0] in "ac" for name in os.listdir(self.machine.store / "layers"))

    def has_head_x(self) -> bool:
        database = self.machine.store / "store.db"
        if not database.exists():
            return False
        rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return ("x",) in rows.execute("SELECT name FROM heads").fetchall()
        except sqlite3.OperationalError:  # it has no tables yet
            return False
        finally:
            rows.close()

    def require_well(self, machine: Machine, lost: Callable[[str], Wrong]):
        process = self.now.start("--fsck", "--json", of=machine if machine is self.made_by_mock else None)
        stdout, stderr = process.communicate()
        if process.returncode != 0:
            raise lost(f"fsck: {process.returncode} {stdout}{stderr}")
        damage = [finding for finding in json.loads(stdout)["findings"] if finding["severity"] == "damage"]
        if damage:
            raise lost(f"fsck: {damage}")

    def allowed_after(self, under_way: tuple[Kind, Words] | None) -> list[Seen]:
        """As promised; or, where a command was under way, as it would have been."""
        lost = replace(self.promised, now=self.promised.current, warned=True)
        as_it_was = [self.promised] if self.on_disk else [self.promised, lost]
        if under_way is None:
            return as_it_was
        kind, words = under_way
        if kind.writes:
            return [self.promised, lost]
        if kind.scrubs:
            return [*as_it_was, self.empty]
        return [*as_it_was, kind.done(words, self.promised), *([kind.done(words, lost)] if kind.on_disk is None and not self.on_disk else [])]

    def is_allowed_by_content(self, seen: Seen, under_way: tuple[Kind, Words] | None) -> bool:
        """It was on the disk, and had only not returned."""
        if not under_way or not seen.snapshots:
            return False
        if under_way[0].name.startswith("init"):  # warned of an upper, perhaps: it had been entered once more
            return look(self.machine, with_times=False) == self.initialized
        return under_way[0].same_content and not seen.warned and replace(seen, now=self.promised.now) == self.promised and look(self.machine, with_times=False) == self.content


@pytest.mark.parametrize("no_sync", [False, True], ids=["synced", "without-syncs"])
@pytest.mark.parametrize("kind", MAKE)
def test_what_was_promised_survives_a_power_cut(kind, no_sync, scratch, full, numbers):
    cuts = MOST_CUTS_WITHOUT_SYNCS if no_sync else CUTS_IN_FULL if full else CUTS_IN_CI
    cuts = int(os.environ.get("PLYROOT_POWER_CUTS", cuts))
    place = scratch / f"{kind}-{no_sync}"
    disk = Disk(kind, place)
    wrong: Wrong | None = None
    try:
        (place / "of-mock").mkdir()
        (disk.path / "of-mock").mkdir()
        power = PowerCuts(disk, Machine(disk.path, place), Machine(disk.path / "of-mock", place / "of-mock"), random.Random(SEED), no_sync)
        power.make(cuts)
    except Wrong as found:
        wrong = found
    finally:
        disk.close()
    if no_sync:
        assert wrong, f"nothing was synced, and {power.cuts} cuts did not show it: this test cannot fail"
        assert wrong.is_loss, f"something else than a loss came first: {wrong}"
        return
    if wrong:
        raise wrong
    assert power.merged_seen > 0, "no merged directory was looked at after a cut"
    numbers("power-cut", kind, ran=power.cuts, of=CUTS_IN_FULL, in_command=power.in_command.total(), in_merging=power.in_command["merge"])
