"""scripts/summarize-tests: what a run of the tests came to, and why."""

import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

PROGRAM = Path(__file__).parents[2] / "scripts/summarize-tests"


@pytest.fixture
def summarize(tmp_path):
    """summarize(CASE...): the lines printed for a run of these cases, and the exit code."""

    def run(*cases: str) -> tuple[list[str], int]:
        junit = tmp_path / "junit.xml"
        junit.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
        done = subprocess.run(["/usr/bin/python3", PROGRAM, f"release={junit}"], stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines(), done.returncode

    return run


def passed(name: str, output: str = "") -> str:
    return f'<testcase name="{name}" status="run"><system-out>{escape(output)}</system-out></testcase>'


def failed(name: str, output: str) -> str:
    return f'<testcase name="{name}" status="fail"><failure/><system-out>{escape(output)}</system-out></testcase>'


def test_a_run_of_pytest_counts_as_its_tests(summarize):
    assert summarize(passed("one"), passed("many", "...\n3 passed in 1.20s\n")) == (["4 passed, 0 failed, 0 skipped"], 0)


def test_a_failure_of_pytest_is_shown_with_its_reasons(summarize):
    output = "    def test():\n>       assert 1 == 2\nE       AssertionError: one is not two\nE         really\n1 failed, 2 passed in 0.1s\n"
    assert summarize(failed("numbers", output)) == (
        ["FAILED  release/numbers", "        E       AssertionError: one is not two", "        E         really", "2 passed, 1 failed, 0 skipped"], 1)


def test_of_any_other_failure_the_end_is_shown(summarize):
    lines, code = summarize(failed("program", "".join(f"line {number}\n" for number in range(1000))))
    assert code == 1
    assert lines[0] == "FAILED  release/program"
    assert lines[-2].strip() == "line 999"
    assert len(lines) < 50


def test_a_long_line_is_cut(summarize):
    lines, _ = summarize(failed("program", "x" * 100_000))
    assert len(lines[1]) < 1000


def test_nothing_run_is_a_failure(summarize):
    assert summarize() == (["no test was run", "0 passed, 0 failed, 0 skipped"], 1)
