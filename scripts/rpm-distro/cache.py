"""Results of slow steps, kept under the hash of all that went into them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


def digest(parts: Iterable[str | bytes | Path]) -> str:
    """One hash of texts and of files' contents, in order."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = part.read_bytes()
        else:
            data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data))  # so that moving bytes from one part to the next is a change
        total.update(data)
    return total.hexdigest()


@dataclass(frozen=True)
class Cache:
    """Directories of files, each complete or not there at all."""

    directory: Path
    work: Path

    def get(self, key: str, make: Callable[[Path, Path], None]) -> list[Path]:
        """The files under the key; `make(output, scratch)` makes them where they are not there yet."""
        place = self.directory / key
        if not place.is_dir():
            self.directory.mkdir(parents=True, exist_ok=True)
            self.work.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=self.work))
            try:
                output = scratch / "output"
                output.mkdir()
                make(output, scratch)
                os.rename(output, place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return sorted(place.iterdir())

    def keep_only(self, keys: Iterable[str]) -> None:
        kept = set(keys)
        for place in self.directory.iterdir():
            if place.name not in kept:
                shutil.rmtree(place)
