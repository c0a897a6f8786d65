"""A run as JSON, from which the page is made."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from result import Bar, Fact, Measured, Point, Row, Section


@dataclass
class Run:
    date: str
    command: str
    version: str  # what was measured
    machine: dict[str, str]
    peak_memory_kib: int  # of the process that has the clock
    sections: list[Section]


def write(run: Run, file: Path) -> None:
    file.write_text(json.dumps(dataclasses.asdict(run), indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(file: Path) -> Run:
    json_run = json.loads(file.read_text("utf-8"))
    json_run["sections"] = [section_from(section) for section in json_run["sections"]]
    return Run(**json_run)


def section_from(section: dict) -> Section:
    rows = [Measured(row_from(one["row"]), one["samples"]) for one in section["rows"]]
    return Section(**{**section, "rows": rows, "facts": [Fact(**fact) for fact in section["facts"]]})


def row_from(row: dict) -> Row:
    bar, point = row["bar"], row["point"]
    return Row(**{**row, "bar": Bar(**bar) if bar else None, "point": Point(**point) if point else None})
