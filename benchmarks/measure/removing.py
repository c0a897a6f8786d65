"""What clean and scrub leave to the background."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from clock import measure
from machine import ENVIRONMENT
from place import RootStore, Site
from result import Bar, BenchError, Command, Fact, Row, Section, true_after
from sessions import children_of

RETURN_BAR = 4  # as for every durable command; the issue says "at once"
ROUNDS = 3
BUSY_TICKS = 5  # hundredths of a second: it removes, and is not about to begin
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Background:
    """What went on after a command had returned."""

    finished: float  # seconds from then until the last process of it had ended
    processor: float  # seconds of processor time that these took
    cores: float  # how many of them at a time, from when it was seen to remove: it begins a second after the command
    nice: int  # the smallest that was seen once the removal was under way
    next_command: float  # seconds that --list-snapshots took meanwhile


def removing(site: Site) -> Section:
    files = 20_000 if site.quick else 100_000
    section = Section("remove", f"Removing {files:,} files")
    store = site.store("remove")
    ply = store.plyroot
    upper = store.prepared("synced-upper", files)
    just_made = [[*ply, "--clean"], upper]
    true = true_after(f"{files:,} files", just_made)
    bar = Bar(RETURN_BAR, against=true.name)
    rows = [
        true,
        Row("--clean", "drops them", [*ply, "--clean"], bar=bar, before=just_made),
        Row("--scrub overlayfs", "drops them, and whatever else there is", [*ply, "--scrub", "overlayfs"], bar=bar, before=just_made),
        Row("--list-snapshots", "after a clean that left them to the background, which is killed", [*ply, "--list-snapshots"], before=[upper, [*ply, "--clean"]]),
    ]  # fmt: skip
    measure(site, section, rows, rounds=min(site.rounds, 20))
    adopt_orphans()
    for name, command in {"--clean": [*ply, "--clean"], "--scrub overlayfs": [*ply, "--scrub", "overlayfs"]}.items():
        section.facts += facts_of(name, [watch(store, upper, command) for _ in range(1 if site.quick else ROUNDS)])
    section.facts.append(Fact("rm -r of the same files, for comparison", f"{removal_by_rm(store, files):.1f} s"))
    return section


def facts_of(name: str, runs: list[Background]) -> list[Fact]:
    def median(values: list[float]) -> float:
        return statistics.median(values)

    cores = median([run.cores for run in runs])
    nice = min(run.nice for run in runs)
    return [
        Fact(f"{name}: the background has ended after", f"{median([run.finished for run in runs]):.1f} s"),
        Fact(f"{name}: the background takes", f"{median([run.processor for run in runs]):.1f} s of processor time, {cores:.2f} cores at a time", "both cores", cores > 1.0),
        Fact(f"{name}: the background's nice value", str(nice), "niced", nice > 0),
        Fact(f"{name}: --list-snapshots meanwhile takes", f"{median([run.next_command for run in runs]) * 1000:.1f} ms"),
    ]  # fmt: skip


def adopt_orphans() -> None:
    """What plyroot leaves in the background becomes a child of this process, so that the kernel tells what it took."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise BenchError("cannot become a subreaper")


def timed(command: Command) -> float:
    begin = time.monotonic()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    return time.monotonic() - begin


def watch(store: RootStore, upper: Command, command: Command) -> Background:
    store.run("--clean", "--wait")
    store.site.run(upper)
    os.sync()
    store.site.run(command)
    begin = time.monotonic()
    processor, nices, next_command = 0.0, [], 0.0
    busy_since, taken_before = 0.0, 0.0
    while background := children_of(os.getpid()):
        busy = [child for child in map(Status.of, background) if child and child.ticks >= BUSY_TICKS]
        nices += [child.nice for child in busy]
        if busy and not busy_since:
            busy_since = time.monotonic() - begin
            taken_before = processor + sum(child.ticks for child in busy) / os.sysconf("SC_CLK_TCK")
        if busy and not next_command:
            next_command = timed([*store.plyroot, "--list-snapshots"])
        ended, _, usage = os.wait4(-1, os.WNOHANG)
        if ended:
            processor += usage.ru_utime + usage.ru_stime
        else:
            time.sleep(0.005)
    finished = time.monotonic() - begin
    if not nices:
        raise BenchError(f"{' '.join(command)} left nothing to the background")
    cores = (processor - taken_before) / (finished - busy_since)
    return Background(finished, processor, cores, min(nices), next_command)


@dataclass
class Status:
    nice: int
    ticks: int  # of processor time

    @staticmethod
    def of(process: int) -> Status | None:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            return None
        return Status(nice=int(fields[16]), ticks=int(fields[11]) + int(fields[12]))


def removal_by_rm(store: RootStore, files: int) -> float:
    store.site.run(store.prepared("synced-upper", files))
    tree = next(store.root_directory.glob(f"layers/*/fs/bench-files-{files}"))
    os.sync()
    return timed(["/bin/rm", "-r", str(tree)])
