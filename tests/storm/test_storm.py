"""Many commands at once on three roots in one base_dir, some of them killed, as are sessions' inits and processes that keep
house: what was reported as made is as it was made.

60 s, or 30 minutes with PLYROOT_FULL=1; PLYROOT_STORM_SECONDS and PLYROOT_STORM_SEED for a storm of one's own."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from pathlib import Path

import pytest
from plyroot_on_disk import SOURCE, Disk, Plyroot, distribution, pytest_collection_modifyitems  # noqa: F401

FULL = os.environ.get("PLYROOT_FULL", "") not in ("", "0")
REPORTS = os.environ.get("PLYROOT_REPORTS")
SECONDS = int(os.environ.get("PLYROOT_STORM_SECONDS", 1800 if FULL else 60))
SEED = int(os.environ.get("PLYROOT_STORM_SEED", time.time_ns() % 1_000_000))
WRITER = Path(os.environ.get("PLYROOT_STORM_WRITER", SOURCE / "build" / "tests" / "storm" / "storm_writer"))

SNAPSHOTTERS, WRITERS, REMOVERS = 16, 8, 4
ROOTS = ["storm-a", "storm-b", "storm-c"]
MOST_SNAPSHOTS = 3000  # or the disk has no inodes left before a long storm ends
DEEPEST = 150  # snapshots on top of each other, then the head goes back to the beginning
IN_USE = 60


class Storm:
    def __init__(self, disk: Path, distribution: Path):
        self.roots = []
        for name in ROOTS:
            root = Plyroot(disk, distribution, extra=["--config-opts", f"root={name}"])
            root.root_name = name
            self.roots.append(root)
        self.end = 0.0
        self.lock = threading.Lock()
        self.made: dict[tuple[int, str], set[str]] = {}  # root and name of a snapshot: the tokens that it may hold
        self.doubtful: set[tuple[int, str]] = set()  # made or removed by a command that was killed
        self.commands: Counter = Counter()
        self.kills = 0
        self.killed_inits: list[tuple[int, str, float]] = []  # root, head, when
        self.killed_in_background: Counter = Counter()  # by the lock that they held
        self.failures: list[str] = []
        self.recent: deque[str] = deque(maxlen=150)  # what to look at where something fails

    def prepare(self):
        """Roots that hold the writer and nothing else: what runs in them is not what is tested here."""
        for root in self.roots:
            root.ok("--mount")
            shutil.copy(WRITER, root.rootdir / "writer")
            (root.rootdir / ".initialized").touch()
            root.ok("--umount")
            root.ok("--chroot", "--", "/writer", "stamp", "00-first")
            root.ok("--snapshot", "beginning")

    def run(self, chance: random.Random, root: int, *words, allowed: tuple[int, ...] = (), may_fail_with: str = "") -> int | None:
        """The exit code of a command; nothing where it was killed."""
        killed_after = chance.uniform(0, 0.08) if chance.random() < 0.12 else None
        begin = time.monotonic()
        process = self.roots[root].start(*words)
        head = words[words.index("--uniqueext") + 1] if "--uniqueext" in words else ""
        try:
            _, error = process.communicate(timeout=killed_after if killed_after is not None else 300)
        except subprocess.TimeoutExpired:
            process.kill()
            _, error = process.communicate()
            if killed_after is None:
                self.fail(f"{words} hangs: {error}")
        with self.lock:
            self.commands[next(str(word) for word in words if str(word) in
                               ("--snapshot", "--rollback-to", "--clean", "--chroot", "--remove-snapshot", "--list-snapshots"))] += 1
            if process.returncode == -9:
                self.kills += 1
            self.recent.append(f"{begin:.3f} to {time.monotonic():.3f} {ROOTS[root]} {' '.join(map(str, words))}: {process.returncode}")
        if process.returncode == -9:
            return None
        if process.returncode != 0 and "--chroot" in words and self.has_lost_its_init(root, head, begin):
            if process.returncode != 137 and "ERROR" not in error:
                self.fail(f"{words} in a session whose init was killed ends with {process.returncode}, and says {error}")
            return None
        if process.returncode not in (0, *allowed) or (process.returncode == 1 and may_fail_with not in error):
            self.fail(f"{ROOTS[root]}: {words} ends with {process.returncode}: {error}")
        return process.returncode

    def has_lost_its_init(self, root: int, head: str, since: float) -> bool:
        with self.lock:
            return any(one[:2] == (root, head) and one[2] >= since for one in self.killed_inits)

    def fail(self, message: str):
        with self.lock:
            if not self.failures:
                print("before the first failure:", *self.recent, sep="\n")
            self.failures.append(message)
            self.end = 0.0

    def going_on(self) -> bool:
        return time.monotonic() < self.end

    def snapshotter(self, number: int):
        """Has a head of its own, and knows what is in it, as far as that can be known of what was killed."""
        chance = random.Random(SEED * 1000 + number)
        root, head = number % len(ROOTS), ["--uniqueext", f"head{number}"]
        possible = {"00-first"}
        count = depth = 0
        while self.going_on():
            count += 1
            token = f"{number:02}-{count}"
            if self.run(chance, root, *head, "--chroot", "--", "/writer", "stamp", token) == 0:
                possible = {token}
            else:
                possible = possible | {token}
            while len(self.made) > MOST_SNAPSHOTS and self.going_on():
                self.remove_one(chance)
            name = f"s{number}.{count}"
            outcome = self.run(chance, root, *head, "--snapshot", name, allowed=(IN_USE,))
            with self.lock:
                if outcome == 0:
                    self.made[root, name] = set(possible)
                elif outcome is None:
                    self.doubtful.add((root, name))
                    self.made[root, name] = set(possible)
            depth += 1
            if outcome == 0 and chance.random() < 0.2 or depth > DEEPEST:
                with self.lock:
                    own = [name for at, name in self.made if at == root and name.startswith(f"s{number}.")]
                target = "beginning" if depth > DEEPEST or not own else chance.choice(own)
                with self.lock:
                    held = {"00-first"} if target == "beginning" else self.made.get((root, target), set())
                outcome = self.run(chance, root, *head, "--rollback-to", target, allowed=(IN_USE, 1), may_fail_with="does not exist")
                if outcome == 0:
                    possible = set(held)
                    depth = 0 if target == "beginning" else depth
                elif outcome is None:
                    possible = possible | held
            elif outcome == 0 and chance.random() < 0.2:
                self.run(chance, root, *head, "--clean", allowed=(IN_USE,))  # stands on the snapshot just made

    def writer(self, number: int):
        """Works in heads of others, in sessions that it shares with them."""
        chance = random.Random(SEED * 1000 + 100 + number)
        count = 0
        while self.going_on():
            count += 1
            owner = chance.randrange(SNAPSHOTTERS)
            self.run(chance, owner % len(ROOTS), "--uniqueext", f"head{owner}", "--chroot", "--", "/writer", "noise", f"w{number}", count)

    def remove_one(self, chance: random.Random):
        with self.lock:
            if not self.made:
                return
            root, name = chance.choice(list(self.made))
            self.doubtful.add((root, name))
        outcome = self.run(chance, root, "--remove-snapshot", name, allowed=(1,), may_fail_with="does not exist")
        if outcome is not None:  # 1: another one has removed it, or whoever was to make it was killed
            with self.lock:
                self.made.pop((root, name), None)
                self.doubtful.discard((root, name))

    def remover(self, number: int):
        chance = random.Random(SEED * 1000 + 200 + number)
        while self.going_on():
            if len(self.made) > 60 or (self.made and chance.random() < 0.3):
                self.remove_one(chance)
            else:
                self.run(chance, chance.randrange(len(ROOTS)), "--uniqueext", f"remover{number}", "--clean", "--wait")

    def killer(self, number: int):
        """Kills the inits of sessions, whose commands may then fail, and what works where no command waits for it."""
        chance = random.Random(SEED * 1000 + 300 + number)
        while self.going_on():
            if chance.random() < 0.5:
                heads = [(owner % len(ROOTS), f"head{owner}") for owner in range(SNAPSHOTTERS)]
                killed = self.kill_who_has_open(heads, {"plyroot-init"}, before=lambda head: self.killed_inits.append((*head, time.monotonic())))
            else:
                work = chance.choice(["@housekeeping", "@merging", "@collector"])
                killed = self.kill_who_has_open([(root, work) for root in range(len(ROOTS))], {"plyroot", "plyroot-keeper"})
                self.killed_in_background[work] += killed
            time.sleep(chance.uniform(0.1, 0.8) if killed else 0.05)

    def kill_who_has_open(self, locks: list[tuple[int, str]], programs: set[str], before=lambda lock: None) -> bool:
        """Kills one process that has one of these locks' files open. (/proc/locks does not tell whose the locks are.)"""
        wanted = {}
        for root, name in locks:
            try:
                status = os.stat(self.roots[root].base_dir / ROOTS[root] / "heads" / f"{name}.lock")
                wanted[status.st_dev, status.st_ino] = root, name
            except FileNotFoundError:
                continue
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                if Path(f"/proc/{process}/comm").read_text().strip() not in programs:
                    continue
                descriptor = os.pidfd_open(int(process))
            except OSError:
                continue
            try:  # the number is not another one's while it has these files open
                opened = [os.stat(entry.path) for entry in os.scandir(f"/proc/{process}/fd")]
                for status in opened:
                    if (status.st_dev, status.st_ino) in wanted:
                        before(wanted[status.st_dev, status.st_ino])
                        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                        return True
            except OSError:  # it has gone meanwhile
                continue
            finally:
                os.close(descriptor)
        return False

    def rage(self):
        self.end = time.monotonic() + SECONDS
        workers = [threading.Thread(target=work, args=(number,))
                   for work, count in ((self.snapshotter, SNAPSHOTTERS), (self.writer, WRITERS), (self.remover, REMOVERS), (self.killer, 1))
                   for number in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def check(self):
        for at, root in enumerate(self.roots):
            root.ok("--uniqueext", "checker", "--clean", "--wait")
            listed = {line[2:] for line in root.list()}
            reported = {name for of, name in self.made if of == at and (of, name) not in self.doubtful}
            doubtful = {name for of, name in self.doubtful if of == at}
            assert reported <= listed, f"reported as made, and not there: {reported - listed}"
            assert listed <= reported | doubtful | {"beginning"}, f"nobody made these: {listed - reported - doubtful}"
            for name in sorted(listed - {"beginning"}):
                root.ok("--uniqueext", "checker", "--rollback-to", name)
                held = json.loads(root.ok("--uniqueext", "checker", "--chroot", "--", "/writer", "check"))
                require_as_made(name, held, self.made[at, name])
            check_store(root)


def require_as_made(name: str, held: dict, possible: set[str]):
    """What was removed is gone too: of earlier tokens nothing is there."""
    assert held["stamp"] in possible, f"{name} holds {held}, not {possible}"
    tokens = set(held["payloads"]) | set(held["shape"])
    beside = set() if name.startswith("s0.") else {"00-first"}  # which lies where only head 0 removes anything
    assert beside <= set(held["payloads"]), f"{name} holds {held}, and has lost {beside}"
    if len(possible) == 1:
        assert tokens - beside == possible - beside, f"{name} holds {held}, not only {possible}"
        assert held["shape"] == [held["stamp"]], f"{name} holds {held}: of another token than {possible}"
    else:  # a command that was killed may have done a part of it
        assert tokens <= possible | beside, f"{name} holds {held}, not only {possible}"


def check_store(root: Plyroot):
    """plyroot's own check; and that the directories are those that the database lists."""
    root.ok("--fsck")
    root.ok("--uniqueext", "checker", "--clean", "--wait")
    store = root.base_dir / root.root_name
    with sqlite3.connect(f"file:{store / 'store.db'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        listed = {directory for (directory,) in database.execute("SELECT directory FROM layers")}
    assert listed <= set(os.listdir(store / "layers")), "layers that are missing"
    assert not os.path.exists(store / "staging")
    assert not os.path.exists(store / "trash") or os.listdir(store / "trash") == []


@pytest.fixture
def storm(tmp_path, distribution):
    disk = Disk(tmp_path, "8G")
    yield Storm(disk.path, distribution)
    disk.close()


def test_what_was_reported_as_made_outlives_a_storm(storm):
    print(f"storm: seed {SEED}")
    storm.prepare()
    storm.rage()
    print(f"storm: {SECONDS} s, {sum(storm.commands.values())} commands ({dict(storm.commands)}), {storm.kills} killed, "
          f"and {len(storm.killed_inits)} inits and {dict(storm.killed_in_background)}, {len(storm.made)} snapshots at the end")
    assert storm.failures == []
    storm.check()
    assert storm.kills > 0 and storm.commands["--snapshot"] > 0
    assert storm.killed_inits and storm.killed_in_background.total() > 0
    if REPORTS:
        numbers = {"seconds": SECONDS, "commands": sum(storm.commands.values()), "killed": storm.kills,
                   "killed_inits": len(storm.killed_inits), "killed_in_background": storm.killed_in_background.total(), "snapshots_at_the_end": len(storm.made)}
        Path(REPORTS).mkdir(parents=True, exist_ok=True)
        (Path(REPORTS) / "storm.json").write_text(json.dumps({"kind": "storm", "of": {f"seed {SEED}": numbers}, "total": numbers}))
    assert "storm-" not in subprocess.run(["findmnt", "-rn", "-o", "SOURCE"], capture_output=True, text=True).stdout
