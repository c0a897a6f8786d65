"""What is measured, and what came out of it, as values."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

TRUE = "/bin/true"

Command = list[str]


class BenchError(Exception):
    """Something that was to be measured does not run."""


@dataclass(frozen=True)
class Bar:
    """What the median may be at most, in medians of the row `against`: after `without` has been taken off, and
    `with_again` put back."""

    limit: float
    against: str = TRUE
    without: str | None = None
    with_again: str | None = None

    def __str__(self) -> str:
        taken = f" after {self.without} is taken off" if self.without else ""
        return f"{self.limit:g} × {self.against}{taken}"


@dataclass(frozen=True)
class Point:
    """Where a row stands in a plot."""

    plot: str
    line: str
    x: float


@dataclass
class Row:
    """A program that is measured, in turns with the others of its section."""

    name: str
    what: str
    command: Command
    bar: Bar | None = None
    floor: str | None = None  # the row that does only what the kernel and the disk must
    before: list[Command] = field(default_factory=list)
    just_before: list[Command] = field(default_factory=list)  # after the file system has been synced
    after: list[Command] = field(default_factory=list)
    background: str = "kill"
    copies: int = 1
    together: bool = False
    prints_microseconds: bool = False
    point: Point | None = None


def true_after(what: str, before: list[Command]) -> Row:
    """/bin/true after a preparation, to compare commands with that need it: what it leaves in the processor's caches, and
    has the kernel still do, is not theirs."""
    return Row(f"{TRUE}, {what}", "after the same preparation", [TRUE], before=before)


@dataclass
class Measured:
    """A row's times, in microseconds."""

    row: Row
    samples: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        lower, _, upper = statistics.quantiles(self.samples, n=4, method="inclusive")
        return lower, upper


@dataclass
class Fact:
    """Something that is counted or computed rather than timed."""

    name: str
    value: str
    bar: str = ""
    met: bool | None = None


@dataclass
class Section:
    """One group of the table."""

    key: str
    title: str
    rounds: int = 0
    rows: list[Measured] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what could not be measured, and why

    def row(self, name: str) -> Measured:
        return next(one for one in self.rows if one.row.name == name)

    def _median(self, name: str | None) -> float:
        return self.row(name).median if name else 0.0

    def ratio(self, one: Measured, other: str | None) -> float | None:
        return one.median / self.row(other).median if other else None

    def against_bar(self, one: Measured) -> float | None:
        """What is to be compared with the bar's limit."""
        bar = one.row.bar
        if bar is None:
            return None
        rest = one.median - self._median(bar.without) + self._median(bar.with_again)
        return rest / self.row(bar.against).median

    def is_met(self, one: Measured) -> bool | None:
        value = self.against_bar(one)
        return None if value is None else value <= one.row.bar.limit

    def missed(self) -> list[str]:
        rows = [one.row.name for one in self.rows if self.is_met(one) is False]
        return rows + [fact.name for fact in self.facts if fact.met is False]
