"""Snapshots on top of each other: entering the topmost, and opening files through all of them."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from clock import measure
from machine import output_of
from place import RootStore, Site
from result import Bar, BenchError, Command, Fact, Point, Row, Section

ENTER_BAR = 1.3
OPENED_FILES = 2_000  # as in make_store.cpp
DROP_CACHES = ["/bin/sh", "-c", "echo 3 >/proc/sys/vm/drop_caches"]

KINDS = {
    "own": ("each changed a directory of its own", 1.3),
    "same": ("each changed the directory", 2.0),
}


def depth(site: Site) -> Section:
    section = Section("depth", "Snapshots on top of each other, each with a change")
    depths = [1, 16, 100, 1_000] if site.quick else [1, 16, 100, 1_000, 10_000]
    rows: list[Row] = []
    for kind, (words, cold_bar) in KINDS.items():
        store = site.store(f"chain-{kind}")
        grow_chain(section, store, kind, words, depths[-1])
        rows += rows_of_chain(section, store, words, cold_bar, depths)
    measure(site, section, rows)
    return section


def grow_chain(section: Section, store: RootStore, kind: str, words: str, count: int) -> None:
    """Makes the chain, and lets the background merge what it wants to merge."""
    begin = time.monotonic()
    store.site.run(store.prepared("chain", count, kind, str(store.site.programs / "bench-open-files")))
    made = time.monotonic() - begin
    os.sync()
    begin = time.monotonic()
    store.run("--clean", "--wait")
    merged = time.monotonic() - begin
    own, more = bytes_of_layers(store)
    name = f"{count:,} snapshots, {words}"
    section.facts += [
        Fact(f"making them: {name}", f"{made:.1f} s by the store's library without syncing, with what it has to merge on the way; {own / 1e6:.1f} MB"),
        Fact(f"merging what is left in the background: {name}", f"{merged:.1f} s"),
        Fact(f"covers: {name}", f"{more / 1e6:.1f} MB more, {more / own:.0%} of what the layers take, the installed root left out"),
    ]  # fmt: skip


def bytes_of_layers(store: RootStore) -> tuple[int, int]:
    """What the layers above the installed root take, and what covers take beside them."""
    layers = store.root_directory / "layers"
    with closing(sqlite3.connect(f"file:{store.database}?mode=ro", uri=True)) as database:
        listed = [layers / name for (name,) in database.execute("SELECT directory FROM layers")]
        covers = [layers / name for (name,) in database.execute("SELECT directory FROM covers")]
    counted: set[int] = set()
    root = [layer for layer in listed if (layer / "fs/usr").is_dir()]
    for layer in root:
        bytes_below(layer, counted)
    own = sum(bytes_below(layer, counted) for layer in listed if layer not in root)
    # A file that a cover shares with a layer, by a hard link, has been counted.
    return own, sum(bytes_below(cover, counted) for cover in covers)


def bytes_below(directory: Path, counted: set[int]) -> int:
    total = 0
    for place, directories, files in os.walk(directory):
        for name in [*directories, *files, "."]:
            status = os.lstat(os.path.join(place, name))
            if status.st_ino not in counted:
                counted.add(status.st_ino)
                total += status.st_blocks * 512
    return total


def rows_of_chain(section: Section, store: RootStore, words: str, cold_bar: float, depths: list[int]) -> list[Row]:
    rows: list[Row] = []
    first_enter, first_cold = f"entering at 1, {words}", f"opening {OPENED_FILES:,} files at 1, {words}"
    for number in depths:
        head = [*store.plyroot, "--uniqueext", f"deep-{number}"]
        enter = [*head, "--chroot", "--", "/bin/true"]
        try:
            output_of([*head, "--rollback-to", f"deep-{number}"])
            output_of(enter)
        except BenchError as error:
            reason = str(error).splitlines()[0]
            section.facts.append(Fact(f"entering at {number:,}, {words}", f"refused: {reason}", "works", False))
            continue
        is_first, is_last = number == depths[0], number == depths[-1]
        point = Point("depth", f"entering, {words}", number)
        enter_bar = None if is_first else Bar(ENTER_BAR, against=first_enter)
        rows.append(Row(f"entering at {number:,}, {words}", "", enter, bar=enter_bar, before=[enter], point=point))
        if is_first or is_last:
            rows.append(row_of_cold_files(head, number, words, None if is_first else Bar(cold_bar, against=first_cold)))
    return rows


def row_of_cold_files(head: Command, number: int, words: str, bar: Bar | None) -> Row:
    open_files = [*head, "--chroot", "--", "/bench/open-files", "/bench/files", str(OPENED_FILES)]
    return Row(
        f"opening {OPENED_FILES:,} files at {number:,}, {words}", "in the root, after drop_caches; only the opening", open_files,
        bar=bar, just_before=[DROP_CACHES], prints_microseconds=True,
    )  # fmt: skip
