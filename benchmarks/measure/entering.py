"""Entering a root, joining its session, leaving it, and that beside another program's dirty data."""

from __future__ import annotations

from clock import measure
from place import Site
from result import Bar, Row, Section
from sessions import children_of, held_open, name_of

ENTER_BAR, JOIN_BAR = 1.4, 2.5
UNDISTURBED_BAR = 1.3  # the issue says "never waits": this is what the measurement can tell apart
DIRTY_MEGABYTES = 200
FLOOR, JOIN_FLOOR = "floor of a session", "floor of joining"


def entering(site: Site) -> Section:
    section = Section("enter", "Entering, joining, leaving")
    store, joined = site.store("enter"), site.store("joined")
    ply = store.plyroot
    enter = [*ply, "--chroot", "--", "/bin/true"]
    on_disk, cleaned = store.prepared("synced-upper", 0), [*ply, "--clean"]
    bar = Bar(ENTER_BAR, against=FLOOR)
    rows = [
        Row(FLOOR, "floor_session.cpp", store.floor_session()),
        Row("--chroot -- /bin/true", "the root was used a moment ago", enter, bar=bar, floor=FLOOR, before=[enter]),
        Row("--chroot -- /bin/true, synced root", "the background has put the root on the disk: that it is not any more is noted durably first", enter, bar=bar, floor=FLOOR, before=[on_disk]),
        Row("--chroot -- /bin/true, cleaned root", "its new layer is mounted for the first time", enter, bar=bar, floor=FLOOR, before=[cleaned]),
    ]  # fmt: skip
    with held_open([[*joined.plyroot, "--chroot", "--", "/bin/sleep", "100000"]], site.log) as (command,):
        inside = next(child for child in children_of(command) if name_of(child) == "sleep")
        rows += [
            Row(JOIN_FLOOR, "floor_join.cpp", [str(site.programs / "bench-floor-join"), str(inside)]),
            Row("--chroot -- /bin/true, joining", "a session of the root that runs", [*joined.plyroot, "--chroot", "--", "/bin/true"], bar=Bar(JOIN_BAR), floor=JOIN_FLOOR),
        ]  # fmt: skip
        measure(site, section, rows)
    return section


def beside_dirty_data(site: Site) -> Section:
    """Apart from the others: what makes so much data leaves the processor's caches cold for whatever is measured after it."""
    section = Section("dirty", "Entering and leaving beside another program's dirty data")
    store = site.store("enter")
    enter, quiet = [*store.plyroot, "--chroot", "--", "/bin/true"], "--chroot -- /bin/true, nothing dirty"
    dirty_file, beside = site.mounted / "dirty", f"beside {DIRTY_MEGABYTES} MB of dirty data"
    make = ["/bin/dd", "if=/dev/zero", f"of={dirty_file}", "bs=1M", f"count={DIRTY_MEGABYTES}", "status=none"]
    make_dirty = [["/bin/rm", "-f", str(dirty_file)], make]
    rows = [
        Row(quiet, "the same data written just before, and synced", enter, before=[enter, *make_dirty]),
        Row(f"--chroot -- /bin/true, {beside}", "in the same file system", enter, bar=Bar(UNDISTURBED_BAR, against=quiet), floor=quiet, before=[enter], just_before=make_dirty),
        Row(f"syncfs {beside}", "what it would wait for", [str(site.programs / "bench-floor-sync"), str(site.mounted)], just_before=make_dirty),
    ]  # fmt: skip
    measure(site, section, rows)
    return section
