"""How long plyroot's short commands take beside /bin/true."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAM = REPOSITORY / "build/plyroot"
PROGRAMS = REPOSITORY / "build/bench"
WORKING_DIRECTORY = Path("/var/tmp/plyroot-bench")
IMAGE_SIZE = 6 << 30  # sparse
REFERENCE = "/bin/true"
CHANGED_FILE = "/var/tmp/changed"  # what "a change" writes in the root

Command = list[str]


@dataclass
class Row:
    """One thing that is measured, in a root that stands at postinit with nothing changed, unless `before` changes it."""

    name: str
    what: str
    command: Command
    bar: float | None = None
    before: list[Command] = field(default_factory=list)
    after: list[Command] = field(default_factory=list)


@dataclass
class Measured:
    row: Row
    median: float
    quartiles: tuple[float, float]
    ratio: float

    @property
    def verdict(self) -> str:
        if self.row.bar is None:
            return ""
        return "met" if self.ratio <= self.row.bar else "MISSED"


class BenchError(Exception):
    pass


def run(command: Command, log: Path, **options: object) -> None:
    """Runs a program that is not measured; its words are shown only where it fails."""
    with log.open("ab") as output:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, **options)
    if result.returncode != 0:
        raise BenchError(f"exit code {result.returncode} from {' '.join(command)}\n{tail(log)}")


def tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


@contextmanager
def journalled_ext4(directory: Path, log: Path) -> Iterator[Path]:
    """An ext4 with a journal on a loop image, mounted until this ends."""
    image, mount_point = directory / "ext4.img", directory / "mounted"
    mount_point.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    run(["mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)], log)
    run(["mount", "-o", "loop", str(image), str(mount_point)], log)
    try:
        yield mount_point
    finally:
        # What works in the background has no reason to stay, but may need a moment.
        subprocess.run(["umount", str(mount_point)], check=False, capture_output=True).returncode and subprocess.run(
            ["umount", "--lazy", str(mount_point)], check=False
        )
        image.unlink()


def write_configuration(distribution: Path, directory: Path) -> Path:
    """The test distribution's own configuration, with everything on the measured file system."""
    file = directory / "bench.cfg"
    file.write_text(
        f"include('{distribution}/mock/plyroot-test.cfg')\n"
        "config_opts['root'] = 'bench'\n"
        f"config_opts['basedir'] = '{directory}/roots'\n"
        f"config_opts['cache_topdir'] = '{directory}/cache'\n"
        f"config_opts['plugin_conf']['overlayfs_opts']['base_dir'] = '{directory}/store'\n",
        "utf-8",
    )
    return file


def plyroot(configuration: Path, distribution: Path) -> Command:
    return [str(PROGRAM), "--configdir", str(distribution / "mock"), "-r", str(configuration), "-q"]


def floor_of_a_session(mounted: Path) -> Command:
    """The floor program over the layers of the root as it was initialised."""
    layers = next((mounted / "store").glob("*/layers"))
    lowers = [f"{layer.parent.name}/fs" for layer in sorted(layers.glob("*/fs")) if (layer / "usr").is_dir()]
    for directory in ("floor/upper", "floor/work"):
        (layers.parent / directory).mkdir(parents=True)
    return [str(PROGRAMS / "bench-floor-session"), str(layers), "../floor/upper", "../floor/work", *lowers]


def rows_for(command: Command, mounted: Path) -> list[Row]:
    def change() -> list[Command]:
        """Something in the root that is there to be kept or dropped."""
        return [[*command, "--chroot", "--", "/usr/bin/touch", CHANGED_FILE]]

    back = [[*command, "--rollback-to", "postinit"]]
    snapshot = [*command, "--snapshot", "bench-{round}"]
    remove_snapshot = [[*command, "--remove-snapshot", "bench-{round}"]]
    rollback = [*command, "--rollback-to", "postinit"]
    enter = [*command, "--chroot", "--", "/bin/true"]
    return [
        Row(REFERENCE, "the host's, for comparison", [REFERENCE]),
        Row("--print-root-path", "", [*command, "--print-root-path"]),
        Row("--list-snapshots", "one snapshot", [*command, "--list-snapshots"], bar=3),
        Row("--snapshot NAME", "nothing has changed: one more name", snapshot, bar=6, after=[*back, *remove_snapshot]),
        Row("--snapshot NAME, changed", "commits a layer", snapshot, bar=6, before=change(), after=[*back, *remove_snapshot]),
        Row("--rollback-to NAME", "nothing has changed", rollback, bar=6),
        Row("--rollback-to NAME, changed", "drops a layer", rollback, bar=6, before=change()),
        Row("--clean", "nothing has changed", [*command, "--clean"], bar=6),
        Row("--clean, changed", "drops a layer", [*command, "--clean"], bar=6, before=change()),
        Row("--chroot -- /bin/true", "in a root that was cleaned: makes a layer", enter, bar=8),
        Row("--chroot -- /bin/true, again", "in the layer that is there", enter, bar=8, after=back),
        Row("floor of --chroot", "the kernel's part alone: benchmarks/floor_session.cpp", floor_of_a_session(mounted)),
    ]  # fmt: skip


def measure(rows: list[Row], mounted: Path, rounds: int, warm_up: int) -> tuple[list[Measured], dict]:
    sync = ["/bin/sync", "-f", str(mounted)]
    plan = {
        "rounds": rounds,
        "warm_up": warm_up,
        "environment": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"],
        "rows": [{"name": row.name, "before": [*row.before, sync], "command": row.command, "after": row.after} for row in rows],
    }
    finished = subprocess.run(
        [str(PROGRAMS / "bench-runner")], input=json.dumps(plan), stdout=subprocess.PIPE, text=True, check=False
    )
    if finished.returncode != 0:
        raise BenchError("the measurement was cut short by a command that failed: see above")
    result = json.loads(finished.stdout)
    samples = {row["name"]: row["microseconds"] for row in result["rows"]}
    reference = statistics.median(samples[REFERENCE])
    measured = []
    for row in rows:
        lower, median, upper = statistics.quantiles(samples[row.name], n=4)
        measured.append(Measured(row, median, (lower, upper), median / reference))
    return measured, result


def print_table(measured: list[Measured], rounds: int, peak_memory_kib: int) -> None:
    print(f"{'':28}  {'median':>9}  {'quartiles':>15}  {'x true':>7}  {'bar':>4}")
    for one in measured:
        quartiles = "{:.2f} .. {:.2f}".format(*(value / 1000 for value in one.quartiles))
        bar = "" if one.row.bar is None else f"{one.row.bar:g}"
        print(
            f"{one.row.name:28}  {one.median / 1000:6.2f} ms  {quartiles:>15}  {one.ratio:7.2f}  {bar:>4}  "
            f"{one.verdict:7} {one.row.what}".rstrip()
        )
    print(
        f"\n{rounds} rounds, the rows in turns. The clock runs from posix_spawn in a process of {peak_memory_kib / 1024:.1f} MB to"
        "\nthe end of the program. Store, root and caches lie on a journalled ext4 loop image; before the clock starts it is"
        "\nsynced, and what earlier commands still do in the background has ended."
    )


def write_json(file: Path, measured: list[Measured], result: dict, rounds: int) -> None:
    samples = {row["name"]: row["microseconds"] for row in result["rows"]}
    document = {
        "rounds": rounds,
        "kernel": os.uname().release,
        "peak_memory_kib": result["peak_memory_kib"],
        "rows": [
            {
                "name": one.row.name,
                "what": one.row.what,
                "command": one.row.command,
                "before": one.row.before,
                "median_us": one.median,
                "quartiles_us": one.quartiles,
                "ratio": one.ratio,
                "bar": one.row.bar,
                "met": None if one.row.bar is None else one.verdict == "met",
                "samples_us": samples[one.row.name],
            }
            for one in measured
        ],
    }
    file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--distribution", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=30, help="20 at least, or medians say little (default: 30)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--enforce", action="store_true", help="exit code 1 where a bar is missed")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    shutil.rmtree(WORKING_DIRECTORY, ignore_errors=True)
    WORKING_DIRECTORY.mkdir(mode=0o700, parents=True)
    log = WORKING_DIRECTORY / "log"
    with journalled_ext4(WORKING_DIRECTORY, log) as mounted:
        command = plyroot(write_configuration(options.distribution, mounted), options.distribution)
        print("initialising a root ...", flush=True)
        run([*command, "--init"], log)
        os.sync()
        rows = rows_for(command, mounted)
        print(f"measuring {len(rows)} rows, {options.rounds} rounds ...\n", flush=True)
        measured, result = measure(rows, mounted, options.rounds, warm_up=2)
    print_table(measured, options.rounds, result["peak_memory_kib"])
    if options.json:
        write_json(options.json, measured, result, options.rounds)
    missed = [one.row.name for one in measured if one.verdict == "MISSED"]
    print("every bar is met" if not missed else f"missed: {'; '.join(missed)}")
    return 1 if missed and options.enforce else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"ERROR: {error}")
