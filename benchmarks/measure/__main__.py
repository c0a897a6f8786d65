"""Measures plyroot: its commands beside /bin/true, floor programs and peers, and makes docs/performance.md of it."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import at_once
import commands
import depth
import document
import entering
import initialising
import machine
import peers
import removing
import starting
from place import REPOSITORY, Site
from result import BenchError, Section
from table import as_text

WORKING_DIRECTORY = Path(os.environ.get("PLYROOT_BENCH_DIRECTORY", "/var/tmp/plyroot-bench"))
ROUNDS = {False: 20, True: 10}  # by whether it is quick

SCENARIOS: dict[str, list[Callable[[Site], Section]]] = {
    "commands": [commands.by_number_of_snapshots, commands.by_size_of_the_upper],
    "enter": [entering.entering, entering.beside_dirty_data],
    "depth": [depth.depth],
    "init": [initialising.from_postinit, initialising.first_time],
    "at-once": [at_once.started_together, at_once.held_at_once, at_once.beside_others],
    "start": [starting.starting],
    "remove": [removing.removing],
    "peers": [peers.peers],
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--distribution", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--shown-command", default="benchmarks/measure", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="smaller numbers and fewer rounds: a few minutes")
    parser.add_argument("--rounds", type=int, help="how often each row is measured (default: 20, quick: 10)")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="only this; may be given several times")
    parser.add_argument("--json", type=Path, metavar="FILE", default=REPOSITORY / "build/bench/result.json", help="where every sample is written")
    parser.add_argument("--from-json", type=Path, metavar="FILE", help="measure nothing: show what an earlier run has written")
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.md and its plots")
    parser.add_argument("--enforce", action="store_true", help="exit code 1 where a bar is missed")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> document.Run:
    shutil.rmtree(WORKING_DIRECTORY, ignore_errors=True)
    WORKING_DIRECTORY.mkdir(mode=0o700, parents=True)
    log = WORKING_DIRECTORY / "log"
    sections: list[Section] = []
    with machine.journalled_ext4(WORKING_DIRECTORY, log) as mounted:
        site = Site(mounted, log, options.distribution, options.rounds or ROUNDS[options.quick], options.quick)
        site.install_programs()
        print("initialising a root ...", flush=True)
        site.store("first").run("--init")
        os.sync()
        for name in options.only or SCENARIOS:
            for scenario in SCENARIOS[name]:
                sections.append(measured(site, scenario))
        for name in list(site.stores):
            site.stores[name].run("--clean", "--wait")
    return document.Run(
        date=datetime.date.today().isoformat(),
        command=options.shown_command,
        version=version(),
        machine=machine.description(),
        peak_memory_kib=site.peak_memory_kib,
        sections=sections,
    )


def measured(site: Site, scenario: Callable[[Site], Section]) -> Section:
    begin = time.monotonic()
    try:
        section = scenario(site)
    except BenchError as error:
        section = Section(scenario.__name__, scenario.__name__.replace("_", " "), notes=[f"not measured: {error}"])
    print(f"{as_text(section)}\n  [{time.monotonic() - begin:.0f} s]", flush=True)
    return section


def version() -> str:
    described = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    found = subprocess.run(described, capture_output=True, text=True, check=False)
    return found.stdout.strip() or machine.output_of([str(REPOSITORY / "build/plyroot"), "--version"]).strip()


def main() -> int:
    options = parse_arguments()
    if options.from_json:
        run = document.read(options.from_json)
        for section in run.sections:
            print(as_text(section))
    else:
        run = measure(options)
        document.write(run, options.json)
    if options.write_docs:
        import page  # which needs what draws

        page.write(run)
    missed = [name for section in run.sections for name in section.missed()]
    print("\nevery bar is met" if not missed else f"\n{len(missed)} bars are missed:\n  " + "\n  ".join(missed))
    broken = [section.title for section in run.sections if not section.rows and not section.facts]
    if broken:
        print(f"not measured: {', '.join(broken)}")
    return 1 if broken or (missed and options.enforce) else 0


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))  # unmounts on the way out
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"ERROR: {error}")
