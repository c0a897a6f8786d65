"""What ./bench makes of numbers, and the clock itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(os.environ["PLYROOT_SOURCE"])
sys.path.insert(0, str(SOURCE / "benchmarks/measure"))

import document  # noqa: E402
import page  # noqa: E402
from result import TRUE, Bar, Fact, Measured, Point, Row, Section  # noqa: E402
from table import as_markdown  # noqa: E402


def measured(name: str, *milliseconds: float, **more: object) -> Measured:
    return Measured(Row(name, "", ["/bin/true"], **more), [value * 1000 for value in milliseconds])


def a_section() -> Section:
    return Section(
        "snapshots",
        "Commands",
        rounds=3,
        rows=[
            measured(TRUE, 1, 2, 3),
            measured("floor", 10),
            measured("floor of one", 4),
            measured("as fast as allowed", 3, bar=Bar(1.5)),
            measured("too slow", 3.1, bar=Bar(1.5), point=Point("snapshots", "slow", 1)),
            measured("close to its floor", 12, bar=Bar(1.3, against="floor"), floor="floor"),
            measured("printing apart", 8, bar=Bar(1, without="floor", with_again="floor of one")),
        ],
        facts=[Fact("counted", "3", "2", False)],
    )


def test_a_bar_is_met_up_to_its_limit_in_medians_of_the_row_that_it_names():
    section = a_section()
    met = {one.row.name: section.is_met(one) for one in section.rows if one.row.bar}
    assert met == {"as fast as allowed": True, "too slow": False, "close to its floor": True, "printing apart": True}
    assert section.against_bar(section.row("printing apart")) == (8 - 10 + 4) / 2
    assert section.missed() == ["too slow", "counted"]


def test_a_run_that_is_written_and_read_is_the_same_run(tmp_path):
    run = document.Run("2026-01-01", "./bench", "abc", {"CPU": "one"}, 4000, [a_section()])
    document.write(run, tmp_path / "run.json")
    assert document.read(tmp_path / "run.json") == run


def test_the_page_has_every_number_of_the_run_and_names_what_misses_its_bar(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(page.plots, "draw", lambda sections, directory: ["snapshots"])
    page.write(document.Run("2026-01-01", "./bench --quick", "abc", {"CPU": "one"}, 4000, [a_section()]))
    text = (tmp_path / "performance.md").read_text()
    assert as_markdown(a_section()) in text
    assert "3 of 5 bars are met" in text and "- Commands: too slow" in text and "- Commands: counted" in text
    assert "`./bench --quick` on 2026-01-01, of abc" in text and "- CPU: one" in text
    assert "{{" not in text


@pytest.fixture
def run_plan():
    def run(*rows: dict, rounds: int = 2) -> tuple[int, dict | None, str]:
        usual = {"before": [], "just_before": [], "after": [], "background": "wait", "copies": 1, "together": False, "prints_microseconds": False}
        plan = {"rounds": rounds, "warm_up": 1, "environment": ["PATH=/usr/bin:/bin"], "rows": [{**usual, **row} for row in rows]}
        runner = [os.environ["PLYROOT_BENCH_RUNNER"]]
        finished = subprocess.run(runner, input=json.dumps(plan), capture_output=True, text=True, check=False)
        return finished.returncode, json.loads(finished.stdout) if finished.returncode == 0 else None, finished.stderr

    return run


def test_the_clock_takes_rows_in_turns_and_counts_rounds_and_copies(run_plan, tmp_path):
    def say(word: str) -> list[str]:
        return ["/bin/sh", "-c", f"echo {word} >>{tmp_path}/said"]

    code, result, _ = run_plan(
        {"name": "a", "before": [say("before-{copy}")], "just_before": [say("just")], "command": say("a{round}-{copy}"), "copies": 2},
        {"name": "b", "command": say("b{round}"), "after": [say("after")]},
    )
    assert code == 0
    assert [len(row["microseconds"]) for row in result["rows"]] == [2, 2]
    rounds = [["before-0", "before-1", "just", f"a{i}-0", f"a{i}-1", f"b{i}", "after"] for i in range(3)]
    assert (tmp_path / "said").read_text().split() == sum(rounds, [])


def test_the_clock_believes_a_program_that_prints_its_own_time(run_plan):
    code, result, _ = run_plan({"name": "a", "command": ["/bin/echo", "12.5"], "prints_microseconds": True})
    assert code == 0 and result["rows"][0]["microseconds"] == [12.5, 12.5]


def test_niced_processes_that_a_command_leaves_are_waited_for_or_killed(run_plan, tmp_path):
    leave = ["/bin/sh", "-c", f"nice -n 5 sh -c 'sleep 1; echo done >>{tmp_path}/left' </dev/null >/dev/null 2>&1 &"]
    assert run_plan({"name": "a", "command": leave, "background": "kill"})[0] == 0
    assert not (tmp_path / "left").exists()
    assert run_plan({"name": "a", "command": leave})[0] == 0
    assert (tmp_path / "left").read_text() == "done\n" * 3


def test_a_command_that_fails_ends_the_measurement_with_its_name(run_plan):
    code, _, words = run_plan({"name": "a", "command": ["/bin/false"]})
    assert code == 1 and "/bin/false" in words
