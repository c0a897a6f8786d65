"""Many sessions at once."""

from __future__ import annotations

from pathlib import Path

from clock import measure
from place import RootStore, Site
from result import Bar, Fact, Point, Row, Section
from sessions import children_of, held_open, name_of

FACTOR_BAR = 0.85
MEMORY_BAR_KIB = 2 * 1024
UNDISTURBED_BAR = 1.3  # the issue says "not slowed": this is what the measurement can tell apart
SIDE_BY_SIDE = 64


def started_together(site: Site) -> Section:
    section = Section("at-once", "Sessions at once on one snapshot, each with a --uniqueext")
    store = site.store("at-once")
    numbers = [1, 16, SIDE_BY_SIDE] if site.quick else [1, 4, 16, SIDE_BY_SIDE]
    floor = store.floor_session(uppers=SIDE_BY_SIDE)
    of_copy = [*store.plyroot, "--uniqueext", "b{copy}"]
    enter = [*of_copy, "--chroot", "--", "/bin/true"]
    clean = [*of_copy, "--clean"]

    def rows_of(what: str, words: str, command: list[str], **more: object) -> list[Row]:
        rows = [
            Row(f"{what}, {number} together", words, command, copies=number, together=True, point=Point("sessions", f"{what}, together", number), **more)
            for number in numbers
        ]  # fmt: skip
        return [*rows, Row(f"{what}, {SIDE_BY_SIDE} one after another", "", command, copies=SIDE_BY_SIDE, **more)]

    rows = rows_of("floor", "floor_session.cpp", floor)
    rows += rows_of("plyroot", "roots that were used a moment ago", enter, before=[enter])
    rows += rows_of("plyroot, cleaned", "the new layer of each is mounted for the first time", enter, before=[clean])
    measure(site, section, rows)
    add_factors(section)
    return section


def add_factors(section: Section) -> None:
    def factor(what: str) -> float:
        alone = section.row(f"{what}, {SIDE_BY_SIDE} one after another").median
        return alone / section.row(f"{what}, {SIDE_BY_SIDE} together").median

    floor = factor("floor")
    section.facts.append(Fact(f"floor: {SIDE_BY_SIDE} together are faster than one after another by", f"{floor:.2f}"))
    for what in ("plyroot", "plyroot, cleaned"):
        own = factor(what)
        section.facts.append(
            Fact(
                f"{what}: {SIDE_BY_SIDE} together are faster than one after another by",
                f"{own:.2f}, {own / floor:.2f} of the floor's",
                f"{FACTOR_BAR:g} of the floor's",
                own / floor >= FACTOR_BAR,
            )
        )


def held_at_once(site: Site) -> Section:
    number = 100 if site.quick else 1_000
    section = Section("held", "Sessions held open at once")
    store = site.store("held")
    sleep = ["--chroot", "--", "/bin/sleep", "100000"]
    memory = available_kib()
    with held_open([[*store.plyroot, "--uniqueext", f"h{i}", *sleep] for i in range(number)], site.log) as processes:
        taken = memory - available_kib()
        sizes = [sum(proportional_kib(part) for part in parts_of_plyroot(process)) for process in processes]
    largest = max(sizes)
    section.facts += [
        Fact(f"{number:,} sessions held open at once", f"all {len(sizes):,} ran their program", "works", len(sizes) == number),
        Fact(
            "memory of plyroot's own in each, its command and its init (PSS)",
            f"{sum(sizes) / number:,.0f} KiB in the mean, {largest:,} KiB at most",
            f"{MEMORY_BAR_KIB:,} KiB",
            largest < MEMORY_BAR_KIB,
        ),
        Fact("memory that the machine has less, for each session: the kernel's and the programs' included", f"{taken / number:,.0f} KiB"),
    ]  # fmt: skip
    store.run("--scrub", "overlayfs", "--wait")
    return section


def available_kib() -> int:
    return next(int(line.split()[1]) for line in Path("/proc/meminfo").open() if line.startswith("MemAvailable"))


def parts_of_plyroot(command: int) -> list[int]:
    """The processes of a session that are plyroot: the command that waits, and the session's init, its child."""
    inits = [child for child in children_of(command) if name_of(child) == "plyroot-init"]
    return [command, *inits]


def proportional_kib(process: int) -> int:
    for line in Path(f"/proc/{process}/smaps_rollup").open():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def beside_others(site: Site) -> Section:
    section = Section("beside", f"Commands of one head beside {SIDE_BY_SIDE} sessions of other heads of the same root")
    alone, crowded = site.store("alone"), site.store("crowded")
    rows = []
    for name in ("--list-snapshots", "--snapshot", "--rollback-to"):
        for store, others in ((alone, "no sessions"), (crowded, f"{SIDE_BY_SIDE} sessions")):
            rows.append(row_beside(store, name, others))
    sleep = ["--chroot", "--", "/bin/sleep", "100000"]
    with held_open([[*crowded.plyroot, "--uniqueext", f"c{i}", *sleep] for i in range(SIDE_BY_SIDE)], site.log):
        measure(site, section, rows)
    return section


def row_beside(store: RootStore, name: str, others: str) -> Row:
    ply, back = store.plyroot, [*store.plyroot, "--rollback-to", "postinit"]
    upper, upper_on_disk = store.prepared("upper", 0), store.prepared("synced-upper", 0)
    bar = None if others == "no sessions" else Bar(UNDISTURBED_BAR, against=f"{name}, no sessions")
    around = {
        "--list-snapshots": ([*ply, name], [], []),
        "--snapshot": ([*ply, name, "bench-{round}"], [back, upper_on_disk], [back, [*ply, "--remove-snapshot", "bench-{round}"]]),
        "--rollback-to": (back, [upper], []),
    }  # fmt: skip
    command, before, after = around[name]
    return Row(f"{name}, {others}", "", command, bar=bar, before=before, after=after)
