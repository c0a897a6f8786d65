"""The report of a full run: what each part counted, when, and of which commit."""

import json
import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "scripts/summarize-reports"
DAY = 86_400
NOON_OF_THE_SECOND_OF_JANUARY_1970 = DAY + DAY // 2


@pytest.fixture
def leave(tmp_path):
    """Leaves a report: leave(NAME, PART={COUNT: NUMBER...}, ..., written=SECONDS)."""

    def write(name: str, written: float = NOON_OF_THE_SECOND_OF_JANUARY_1970, full: bool = True, **parts):
        total = {what: sum(counts[what] for counts in parts.values()) for what in next(iter(parts.values()))}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"kind": name, "full": full, "of": parts, "total": total}))
        os.utime(path, (written, written))

    return write


@pytest.fixture
def summarize(tmp_path):
    def run(*options: str) -> list[str]:
        environment = {**os.environ, "TZ": "UTC"}
        command = [PROGRAM, *options, tmp_path]
        lines = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        assert (tmp_path / "summary.txt").read_text().splitlines() == lines
        return lines[1:]

    return run


def test_whatever_a_test_counts_is_shown(leave, summarize):
    leave("killed", init={"ran": 12_345_678, "of": 12_345_679, "failed": 0, "not_hit": 1, "seconds": 0.25})
    assert summarize("--commit", "abc") == [
        "killed: ran 12345678, of 12345679, failed 0, not hit 1, seconds 0.2 [1970-01-02, abc]",
        "  init: ran 12345678, of 12345679, failed 0, not hit 1, seconds 0.2",
    ]


def test_a_sample_is_said_to_be_one(leave, summarize):
    leave("killed", full=False, init={"ran": 1})
    assert summarize("--commit", "abc")[0] == "killed (a sample): ran 1 [1970-01-02, abc]"


def test_a_report_of_an_earlier_run_keeps_its_date_and_commit(leave, summarize):
    leave("model", xfs={"operations": 1})
    summarize("--commit", "old")
    leave("storm", written=NOON_OF_THE_SECOND_OF_JANUARY_1970 + DAY, seed={"commands": 2})
    assert [line for line in summarize("--commit", "new") if not line.startswith(" ")] == [
        "model: operations 1 [1970-01-02, old]",
        "storm: commands 2 [1970-01-03, new]",
    ]


def test_parts_of_different_runs_have_each_their_own(leave, summarize, tmp_path):
    leave("fuzzing", names={"inputs": 1})
    summarize("--commit", "old")
    earlier = json.loads((tmp_path / "fuzzing.json").read_text())["of"]["names"]
    path = tmp_path / "fuzzing.json"
    path.write_text(json.dumps({"kind": "fuzzing", "of": {"names": earlier, "users": {"inputs": 2}}, "total": {"inputs": 3}}))
    os.utime(path, (NOON_OF_THE_SECOND_OF_JANUARY_1970 + DAY,) * 2)
    assert summarize("--commit", "new") == [
        "fuzzing: inputs 3 [1970-01-02, old; 1970-01-03, new]",
        "  names: inputs 1 [1970-01-02, old]",
        "  users: inputs 2 [1970-01-03, new]",
    ]


def test_what_was_left_before_the_run_is_of_no_known_commit(leave, summarize):
    leave("model", xfs={"operations": 1})
    began = str(NOON_OF_THE_SECOND_OF_JANUARY_1970 + 1)
    assert summarize("--commit", "abc", "--began", began)[0] == "model: operations 1 [1970-01-02, unknown commit]"


def test_a_directory_without_reports_is_a_failure(tmp_path):
    run = subprocess.run([PROGRAM, tmp_path], stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1
    assert "holds no reports" in run.stderr
