"""Has bench-runner measure rows in turns."""

from __future__ import annotations

import json
import subprocess

from machine import ENVIRONMENT
from result import TRUE, BenchError, Measured, Row, Section
from place import Site

WARM_UP = 2


def measure(site: Site, section: Section, rows: list[Row], rounds: int | None = None, warm_up: int = WARM_UP) -> None:
    """Adds the rows to the section, and /bin/true before them, which takes turns with them."""
    rounds = rounds or site.rounds
    if not any(one.row.name == TRUE for one in section.rows):
        rows = [Row(TRUE, "the host's, for comparison", [TRUE]), *rows]
    sync = ["/bin/sync", "-f", str(site.mounted)]
    plan = {
        "rounds": rounds,
        "warm_up": warm_up,
        "environment": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
        "rows": [
            {
                "name": row.name,
                "before": row.before,
                "just_before": [sync, *row.just_before],
                "command": row.command,
                "after": row.after,
                "background": row.background,
                "copies": row.copies,
                "together": row.together,
                "prints_microseconds": row.prints_microseconds,
            }
            for row in rows
        ],
    }
    runner = str(site.programs / "bench-runner")
    with site.log.open("ab") as log:
        begin = log.tell()
        finished = subprocess.run([runner], input=json.dumps(plan).encode(), stdout=subprocess.PIPE, stderr=log, check=False)
    if finished.returncode != 0:
        with site.log.open("rb") as log:
            log.seek(begin)
            raise BenchError(f"the measurement was cut short: {log.read()[-2000:].decode('utf-8', 'replace').strip()}")
    result = json.loads(finished.stdout)
    site.peak_memory_kib = max(site.peak_memory_kib, result["peak_memory_kib"])
    section.rounds = section.rounds or rounds
    for row, measured in zip(rows, result["rows"], strict=True):
        section.rows.append(Measured(row, measured["microseconds"]))
