"""docs/performance.md, made of a run, a template and the explanations of what misses its bar."""

from __future__ import annotations

import re
from pathlib import Path

import plots
from document import Run
from place import REPOSITORY
from table import as_markdown

TEMPLATE = REPOSITORY / "benchmarks/page/performance.md"
EXPLANATIONS = REPOSITORY / "benchmarks/page/explanations.md"
PAGE = REPOSITORY / "docs/performance.md"
PLOT_DIRECTORY = REPOSITORY / "docs/performance"
PLACEHOLDER = re.compile(r"\{\{(\w+)(?::([\w-]+))?\}\}")


def write(run: Run) -> None:
    drawn = plots.draw(run.sections, PLOT_DIRECTORY)
    sections = {section.key: section for section in run.sections}

    def filled_in(match: re.Match[str]) -> str:
        kind, key = match.groups()
        if kind == "table":
            return as_markdown(sections[key]) if key in sections else "Not part of this run."
        if kind == "plot":
            return f"![{plots.PLOTS[key].title}](performance/{key}.svg)" if key in drawn else ""
        return {
            "date": run.date,
            "command": run.command,
            "version": run.version,
            "machine": "\n".join(f"- {name}: {value}" for name, value in run.machine.items()),
            "clock": f"{run.peak_memory_kib / 1024:.1f} MB",
            "verdicts": verdicts(run),
            "explanations": EXPLANATIONS.read_text("utf-8").strip(),
        }[kind]

    text = PLACEHOLDER.sub(filled_in, TEMPLATE.read_text("utf-8"))
    PAGE.write_text(re.sub(r"\n{3,}", "\n\n", text), "utf-8")


def verdicts(run: Run) -> str:
    judged = sum(
        sum(section.is_met(one) is not None for one in section.rows) + sum(fact.met is not None for fact in section.facts)
        for section in run.sections
    )
    missed = [(section.title, name) for section in run.sections for name in section.missed()]
    if not missed:
        return f"All of {judged} bars are met."
    lines = [f"{judged - len(missed)} of {judged} bars are met. Missed:", ""]
    return "\n".join(lines + [f"- {title}: {name}" for title, name in missed])
