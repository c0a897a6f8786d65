"""Sessions that stay open while something is measured."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import ENVIRONMENT
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
def held_open(commands: list[Command]) -> Iterator[list[int]]:
    """Runs commands whose last-but-one word is a program that does not end, until this ends.
    @yields the processes of the commands, when each of their programs runs"""
    processes = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
        for command in commands
    ]
    try:
        wait_until_running(commands, processes)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate()


def wait_until_running(commands: list[Command], processes: list[subprocess.Popen]) -> None:
    end = time.monotonic() + PATIENCE
    waiting = list(zip(commands, processes, strict=True))
    while waiting:
        for command, process in waiting:
            if process.poll() is not None:
                words = process.stderr.read().decode("utf-8", "replace").strip()
                raise BenchError(f"a session did not stay open: {words or ' '.join(command)}")
        waiting = [(command, process) for command, process in waiting if not runs_program(process.pid, Path(command[-2]).name)]
        if time.monotonic() > end:
            raise BenchError(f"{len(waiting)} of {len(processes)} sessions did not begin within {PATIENCE:g} s")
        time.sleep(0.05)
