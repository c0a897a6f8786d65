"""Commands that change names and heads: whatever the number of snapshots, whatever is in the upper."""

from __future__ import annotations

from clock import measure
from place import RootStore, Site
from result import Bar, Command, Point, Row, Section, true_after

SWEPT = 96  # mebibytes: more than a processor's caches hold
LIST_BAR, DURABLE_BAR, SNAPSHOT_BAR, SYNC_BAR = 1.5, 4, 5, 1.3


def thousands(number: int) -> str:
    return f"{number:,}"


def by_number_of_snapshots(site: Site) -> Section:
    section = Section("snapshots", "Commands, by the number of snapshots in the store")
    counts = [1, 10_000] if site.quick else [1, 100, 10_000, 100_000]
    rows: list[Row] = []
    for count in counts:
        store = site.store(f"names-{count}")
        site.run(store.prepared("names", count))
        rows += rows_with_names(store, count)
    measure(site, section, rows)
    return section


def rows_with_names(store: RootStore, count: int) -> list[Row]:
    ply, names = store.plyroot, f"{thousands(count)} snapshot{'s' if count > 1 else ''}"
    floor = f"floor of a list, {names}"
    back = [*ply, "--rollback-to", "postinit"]
    take, drop = [*ply, "--snapshot", "bench-{round}"], [*ply, "--remove-snapshot", "bench-{round}"]
    upper, upper_on_disk = store.prepared("upper", 0), store.prepared("synced-upper", 0)
    true = true_after(names, [upper])

    def row(name: str, what: str, command: Command, limit: float, **more: object) -> Row:
        return Row(f"{name}, {names}", what, command, bar=Bar(limit, against=true.name), point=Point("snapshots", name, count), **more)

    rows = [
        Row(floor, "floor_list.cpp: reads the names by SQLite, prints the lines", [str(store.site.programs / "bench-floor-list"), str(store.database)]),
        Row(
            f"--list-snapshots, {names}",
            "what its floor takes more than for one name is taken off: printing is not counted",
            [*ply, "--list-snapshots"],
            bar=Bar(LIST_BAR, without=floor, with_again="floor of a list, 1 snapshot"),
            floor=floor,
            point=Point("snapshots", "--list-snapshots", count),
        ),
        true,
        row("--print-root-path", "", [*ply, "--print-root-path"], LIST_BAR, before=[upper]),
        row("--rollback-to", "drops an empty upper", back, DURABLE_BAR, before=[upper]),
        row("--clean", "drops an empty upper", [*ply, "--clean"], DURABLE_BAR, before=[upper]),
        row("--remove-snapshot", "a name of many for its layer", drop, DURABLE_BAR, before=[take]),
        row("--snapshot, nothing new", "one name more", take, SNAPSHOT_BAR, before=[back], after=[drop]),
        row("--snapshot", "commits an empty upper", take, SNAPSHOT_BAR, before=[back, upper_on_disk], after=[back, drop]),
    ]  # fmt: skip
    return rows


def by_size_of_the_upper(site: Site) -> Section:
    section = Section("uppers", "Commands, by the number of files in the upper")
    store = site.store("uppers")
    rows: list[Row] = []
    for count in [0, 2_000] if site.quick else [0, 2_000, 100_000]:
        rows += rows_with_upper(store, count)
    measure(site, section, [*rows, *rows_after_swept_caches(store)])
    return section


def rows_with_upper(store: RootStore, count: int) -> list[Row]:
    ply, files = store.plyroot, f"{thousands(count)} files"
    back = [*ply, "--rollback-to", "postinit"]
    take, drop = [*ply, "--snapshot", "bench-{round}"], [*ply, "--remove-snapshot", "bench-{round}"]
    just_made = [back, store.prepared("synced-upper", count)]
    true = true_after(files, just_made)

    def row(name: str, what: str, command: Command, limit: float, **more: object) -> Row:
        return Row(f"{name}, {files}", what, command, bar=Bar(limit, against=true.name), point=Point("files", name, count), **more)

    reads = [str(store.site.programs / "bench-floor-list"), str(store.database)]
    rows = [
        true,
        Row(f"floor of a list, {files}", "floor_list.cpp: reads the names by SQLite, prints the lines", reads, before=just_made),
        row("--list-snapshots", "", [*ply, "--list-snapshots"], LIST_BAR, before=just_made),
        row("--list-snapshots again", "nothing has changed since", [*ply, "--list-snapshots"], LIST_BAR, before=[*just_made, [*ply, "--list-snapshots"]]),
        row("--print-root-path", "", [*ply, "--print-root-path"], LIST_BAR, before=just_made),
        row("--rollback-to", "drops them", back, DURABLE_BAR, before=just_made),
        row("--clean", "drops them", [*ply, "--clean"], DURABLE_BAR, before=just_made),
        row("--remove-snapshot", "drops its layer with them", drop, DURABLE_BAR, before=[*just_made, take, back]),
        row("--snapshot", "commits them; they are on the disk already", take, SNAPSHOT_BAR, before=just_made, after=[back, drop]),
    ]  # fmt: skip
    return rows + (rows_with_dirty_upper(store, count) if count else [])


def rows_after_swept_caches(store: RootStore) -> list[Row]:
    """An empty upper again, to tell what many files cost a command from what their making does to the next program."""
    ply = store.plyroot
    sweep = [str(store.site.programs / "bench-sweep-caches"), str(SWEPT)]
    before = [[*ply, "--rollback-to", "postinit"], store.prepared("synced-upper", 0), sweep]
    commands = {"--list-snapshots": [], "--rollback-to": ["postinit"], "--clean": []}
    what = f"after sweep_caches.cpp has written to {SWEPT} MiB of memory"
    true = true_after("0 files, swept", before)
    return [true] + [
        Row(f"{name}, 0 files, swept", what, [*ply, name, *arguments], floor=true.name, before=before)
        for name, arguments in commands.items()
    ]


def rows_with_dirty_upper(store: RootStore, count: int) -> list[Row]:
    """The files have just been written anew, so that the snapshot has to put them on the disk."""
    ply, files = store.plyroot, f"{thousands(count)} dirty files"
    floor = f"floor of a snapshot, {files}"
    take, drop = [*ply, "--snapshot", "bench-{round}"], [*ply, "--remove-snapshot", "bench-{round}"]
    back = [*ply, "--rollback-to", "postinit"]
    around = {"before": [back, store.prepared("upper", count)], "just_before": [store.prepared("dirty", count)]}
    sync = [str(store.site.programs / "bench-floor-sync"), str(store.root_directory)]
    return [
        Row(floor, "floor_sync.cpp: syncfs, nothing else", sync, after=[back], point=Point("files", "floor of a snapshot, dirty files", count), **around),
        Row(
            f"--snapshot, {files}", "commits them after they have been synced", take,
            bar=Bar(SYNC_BAR, against=floor), floor=floor, after=[back, drop],
            point=Point("files", "--snapshot, dirty files", count), **around,
        ),
    ]  # fmt: skip
