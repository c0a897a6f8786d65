"""The functions that short commands run lie beside each other (cmake/PlyrootStaticProgram.cmake)."""

import os
import subprocess
from pathlib import Path

import pytest

ORDER = Path(os.environ["PLYROOT_SOURCE"]) / "cmake/function-order.txt"
FIRST = 300  # those of a listing, in which nothing of SQLite's is: that comes as one piece
KIBIBYTE = 1024


@pytest.fixture(scope="module")
def names() -> list[str]:
    return ORDER.read_text("ascii").split()


@pytest.fixture(scope="module")
def addresses() -> dict[str, int]:
    listed = subprocess.run(["nm", "--defined-only", os.environ["PLYROOT_PROGRAM"]], capture_output=True, text=True, check=True)
    symbols = [line.split(" ", 2) for line in listed.stdout.splitlines()]
    return {name: int(address, 16) for address, _, name in symbols}


def test_the_list_names_functions_of_the_program(names, addresses):
    missing = [name for name in names if name not in addresses]
    assert len(missing) < len(names) / 20, ("run scripts/make-function-order", missing)


def test_the_first_of_them_share_few_pages(names, addresses):
    found = sorted(addresses[name] for name in names[:FIRST] if name in addresses)
    assert len(found) > FIRST / 2
    most = found[: len(found) * 95 // 100]  # libc has some in a section of their own
    assert most[-1] - most[0] < 512 * KIBIBYTE, "are they still in the order of cmake/function-order.txt?"
