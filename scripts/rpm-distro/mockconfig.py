"""A configuration directory for mock that names the made repositories."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from urllib.parse import quote

_TEMPLATES = Path(__file__).resolve().parent / "mock"


def write_configuration(directory: Path, distribution: Path) -> None:
    """Copies `mock/`, with the places of the repositories filled in."""
    values = {
        "@TARGET_ARCH@": platform.machine(),
        "@BASE_URL@": f"file://{quote(str(distribution / 'repo'))}",
        "@UPDATES_URL@": f"file://{quote(str(distribution / 'updates'))}",
    }
    shutil.copytree(_TEMPLATES, directory)
    for file in directory.rglob("*"):
        if file.is_file():
            text = file.read_text()
            for placeholder, value in values.items():
                text = text.replace(placeholder, value)
            file.write_text(text)
