"""The machine: what it is, and how programs that are not measured are run on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from result import BenchError, Command

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
IMAGE_SIZE = 12 << 30  # sparse


def run(command: Command, log: Path, **options: object) -> None:
    """Runs a program that is not measured; its words are shown only where it fails."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        begin = output.tell()
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=ENVIRONMENT, check=False, **options
        )
    if result.returncode != 0:
        with log.open("rb") as words:
            words.seek(begin)
            text = words.read().decode("utf-8", "replace")
        raise BenchError(f"exit code {result.returncode} from {' '.join(command)}\n{last_lines(text, 30)}")


def output_of(command: Command) -> str:
    """What a program prints; both streams."""
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT, check=False
    )
    text = result.stdout.decode("utf-8", "replace")
    if result.returncode != 0:
        raise BenchError(last_lines(text, 3) or f"exit code {result.returncode} from {command[0]}, without a word")
    return text


def last_lines(text: str, count: int) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])


@contextmanager
def journalled_ext4(directory: Path, log: Path) -> Iterator[Path]:
    """An ext4 with a journal on a loop image, mounted until this ends."""
    image, mount_point = directory / "ext4.img", directory / "mounted"
    mount_point.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    initialised = "lazy_itable_init=0,lazy_journal_init=0"
    run(["mkfs.ext4", "-q", "-F", "-O", "has_journal", "-i", "8192", "-E", initialised, str(image)], log)
    run(["mount", "-o", "loop", str(image), str(mount_point)], log)
    try:
        yield mount_point
    finally:
        # What works in the background has no reason to stay, but may need a moment.
        for attempt in (["umount"], ["umount", "--lazy"]):
            if subprocess.run([*attempt, str(mount_point)], check=False, capture_output=True).returncode == 0:
                break
        image.unlink()


def description() -> dict[str, str]:
    cpu = next(line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").open() if line.startswith("model name"))
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").open() if line.startswith("MemTotal"))
    system = next(line for line in Path("/etc/os-release").open() if line.startswith("PRETTY_NAME"))
    return {
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory / (1 << 20):.1f} GiB",
        "kernel": os.uname().release,
        "system": system.partition("=")[2].strip().strip('"'),
        "file system": f"ext4 with a journal (data=ordered), {IMAGE_SIZE >> 30} GiB loop image on {file_system_of('/var/tmp')}",
    }


def file_system_of(path: str) -> str:
    return subprocess.run(["stat", "--file-system", "--format=%T", path], check=True, capture_output=True, text=True).stdout.strip()
