"""Sessions that stay open while something is measured."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import ENVIRONMENT, last_lines
from result import BenchError, Command

PATIENCE = 120.0  # seconds


def children_of(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def name_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def runs_program(process: int, program: str) -> bool:
    """Whether the command has got as far as running its program in the root."""
    return any(name_of(child) == program for child in children_of(process))


@contextmanager
def held_open(commands: list[Command], log: Path) -> Iterator[list[int]]:
    """Runs commands whose last-but-one word is a program that does not end, until this ends.
    @yields the processes of the commands, when each of their programs runs"""
    with log.open("ab") as words:
        begin = words.tell()
        processes = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, env=ENVIRONMENT)
            for command in commands
        ]
    try:
        try:
            wait_until_running(commands, processes)
        except BenchError as error:
            said = log.read_bytes()[begin:].decode("utf-8", "replace")
            raise BenchError(f"{error}: {last_lines(said, 3)}") from None
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def wait_until_running(commands: list[Command], processes: list[subprocess.Popen]) -> None:
    end = time.monotonic() + PATIENCE
    waiting = list(zip(commands, processes, strict=True))
    while waiting:
        if ended := [command for command, process in waiting if process.poll() is not None]:
            raise BenchError(f"{len(ended)} of {len(commands)} sessions did not stay open, {' '.join(ended[0])} among them")
        waiting = [(command, process) for command, process in waiting if not runs_program(process.pid, Path(command[-2]).name)]
        if time.monotonic() > end:
            raise BenchError(f"{len(waiting)} of {len(commands)} sessions did not begin within {PATIENCE:g} s")
        time.sleep(0.05)
