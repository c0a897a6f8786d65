"""The table, on the terminal and in Markdown."""

from __future__ import annotations

from result import Measured, Section

HEADINGS = ["", "median", "quartiles", "× true", "× floor", "bar", "", ""]


def milliseconds(microseconds: float) -> str:
    value = microseconds / 1000
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def verdict(met: bool | None) -> str:
    return {True: "met", False: "MISSED", None: ""}[met]


def cells_of(section: Section, one: Measured) -> list[str]:
    lower, upper = one.quartiles
    to_true = section.ratio(one, "/bin/true") or 0.0
    to_floor = section.ratio(one, one.row.floor)
    value, bar = section.against_bar(one), one.row.bar
    return [
        one.row.name,
        f"{milliseconds(one.median)} ms",
        f"{milliseconds(lower)} .. {milliseconds(upper)}",
        f"{to_true:,.2f}" if to_true < 1000 else f"{to_true:,.0f}",
        f"{to_floor:.2f}" if to_floor else "",
        f"{value:.2f} of {bar}" if bar else "",
        verdict(section.is_met(one)),
        one.row.what,
    ]


def as_text(section: Section) -> str:
    table = [HEADINGS, *(cells_of(section, one) for one in section.rows)] if section.rows else []
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS) - 1)] if table else []
    lines = [f"\n{section.title}" + (f" ({section.rounds} rounds)" if section.rounds else "")]
    for line in table:
        numbers = [cell.rjust(width) for cell, width in zip(line[1:-2], widths[1:-1], strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *numbers, line[-2].ljust(6), line[-1]]).rstrip())
    for fact in section.facts:
        bar = f"  [at most {fact.bar}]" if fact.bar and fact.met is not None else ""
        lines.append(f"  {fact.name}: {fact.value}{bar} {verdict(fact.met)}".rstrip())
    return "\n".join(lines + [f"  {note}" for note in section.notes])


def markdown_line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def as_markdown(section: Section) -> str:
    lines = []
    if section.rows:
        lines += [f"{section.rounds} rounds, the rows in turns.", ""]
        lines += [markdown_line(["", "median", "quartiles, ms", "× `/bin/true`", "× floor", "bar", "", "what"])]
        lines += ["| --- | ---: | ---: | ---: | ---: | --- | --- | --- |"]
        lines += [markdown_line(emphasised(cells_of(section, one))) for one in section.rows]
    if section.facts:
        lines += [""] if lines else []
        lines += [markdown_line(["", "", "bar", ""]), "| --- | --- | --- | --- |"]
        lines += [markdown_line(emphasised([fact.name, fact.value, fact.bar, verdict(fact.met)])) for fact in section.facts]
    if section.notes:
        lines += ["", *(f"- {note}" for note in section.notes)]
    return "\n".join(lines)


def emphasised(cells: list[str]) -> list[str]:
    return [f"**{cell}**" if cell == "MISSED" else cell for cell in cells]
