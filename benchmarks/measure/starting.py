"""Starting the program: what that costs, what it loads, what a cached configuration costs."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

from clock import measure
from machine import ENVIRONMENT
from place import Site
from result import Bar, BenchError, Command, Fact, Row, Section

START_BAR = 1.3
EMPTY = "an empty C++ program"
UNWANTED = re.compile(r"python|librpm|libarchive")
STAT_CALLS = {"stat", "lstat", "newfstatat", "statx", "fstat", "access", "faccessat", "faccessat2"}
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
QUOTED = re.compile(r'"(/[^"]*)"')


def starting(site: Site) -> Section:
    section = Section("start", "Starting the program")
    store = site.store("start")
    ply, programs = store.plyroot, site.programs
    print_path = [*ply, "--print-root-path"]
    site.run(print_path)
    files = looked_at(system_calls(site, print_path), site)
    stat = [str(programs / "bench-floor-stat"), *files]
    version = [str(site.program), "--version"]
    rows = [
        Row(EMPTY, "linked as plyroot is", [str(programs / "bench-empty")]),
        Row("an empty C++ program, all shared", "what linking libstdc++ statically saves", [str(programs / "bench-empty-shared")]),
        Row("an empty C++ program, all static", "", [str(programs / "bench-empty-static")]),
        Row("--version", "", version, bar=Bar(START_BAR, against=EMPTY), floor=EMPTY),
        Row(f"stat of {len(files)} files", "floor_stat.cpp: the files that the configuration depends on", stat),
        Row("--print-root-path", "evaluates a cached configuration", print_path),
    ]  # fmt: skip
    measure(site, section, rows)
    section.facts += [cost_of_configuration(section, len(files)), calls_of_configuration(site, version, print_path)]
    for name, arguments in {
        "--list-snapshots": ["--list-snapshots"],
        "--snapshot": ["--snapshot", "loads"],
        "--clean": ["--clean"],
        "--chroot -- /bin/true": ["--chroot", "--", "/bin/true"],
    }.items():
        section.facts.append(what_is_loaded(name, system_calls(site, [*ply, *arguments])))
    return section


def cost_of_configuration(section: Section, files: int) -> Fact:
    own = section.row("--print-root-path").median - section.row("--version").median
    floor = section.row(f"stat of {files} files").median - section.row("an empty C++ program, all static").median
    return Fact(
        "a cached configuration: --print-root-path less --version",
        f"{own / 1000:.2f} ms; to stat its files takes {floor / 1000:.2f} ms",
        "1 × the stat calls",
        own <= floor,
    )


def calls_of_configuration(site: Site, version: Command, print_path: Command) -> Fact:
    more = counted(system_calls(site, print_path)) - counted(system_calls(site, version))
    stats = sum(number for name, number in more.items() if name in STAT_CALLS)
    others = ", ".join(f"{number} {name}" for name, number in more.most_common() if name not in STAT_CALLS)
    return Fact("system calls of a cached configuration", f"{stats} that look at files, and {others}")


def what_is_loaded(name: str, calls: list[str]) -> Fact:
    """Libraries and programs that a command opens or executes, on the host."""
    successes = [line for line in calls if ") = -1 " not in line]
    opened = [path for line in successes if CALL.match(line) and CALL.match(line)[1] in ("open", "openat", "execve") for path in QUOTED.findall(line)[:1]]
    libraries = sorted({Path(path).name for path in opened if ".so" in path})
    unwanted = sorted({path for path in opened if UNWANTED.search(path)})
    loaded = ", ".join(library for library in libraries if library != "ld.so.cache") or "no library"
    return Fact(
        f"{name} loads",
        f"{loaded}; {sum(counted(calls).values())} system calls" + (f"; {', '.join(unwanted)}" if unwanted else ""),
        "no Python, librpm, libarchive",
        not unwanted,
    )


def system_calls(site: Site, command: Command) -> list[str]:
    """The lines of strace, of the command and what it starts."""
    output = site.log.parent / "strace"
    traced = ["strace", "-f", "-s", "512", "-o", str(output), *command]
    finished = subprocess.run(traced, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    if finished.returncode != 0:
        raise BenchError(f"strace of {' '.join(command)}: {finished.stderr.decode('utf-8', 'replace').strip()}")
    return output.read_text("utf-8", "replace").splitlines()


def counted(calls: list[str]) -> Counter[str]:
    return Counter(match[1] for line in calls if (match := CALL.match(line)))


def looked_at(calls: list[str], site: Site) -> list[str]:
    """The absolute paths that a command has looked at by stat and its like."""
    paths: dict[str, None] = {}
    for line in calls:
        match = CALL.match(line)
        if match and match[1] in STAT_CALLS:
            paths.update(dict.fromkeys(QUOTED.findall(line)[:1]))
    if not paths:
        raise BenchError(f"{site.program} looks at no file to see whether a cached configuration is still valid")
    return list(paths)
