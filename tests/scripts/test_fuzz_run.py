"""What tests/fuzz/run keeps, with a program in a fuzzer's place."""

import hashlib
import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "fuzz/run"

# Runs: leaves its own input among those that were grown. Merges: takes all that it finds into the first directory.
FUZZER = r"""#!/bin/sh
merge=no
for word in "$@"; do
  case $word in
    -set_cover_merge=1) merge=yes ;;
    -*) ;;
    *) directories="$directories $word" ;;
  esac
done
set -- $directories
if [ $merge = yes ]; then
  into=$1
  shift
  for directory in "$@"; do cp "$directory"/* "$into"; done
else
  echo grown > "$1/$(basename "$0")-$$"
  echo stat::number_of_executed_units: 7
fi
"""


@pytest.fixture
def fuzzing(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("fuzz_run", str(PROGRAM))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fuzz_run", loader))
    monkeypatch.setitem(sys.modules, "fuzz_run", module)
    loader.exec_module(module)
    monkeypatch.setattr(module, "CORPUS", tmp_path / "seeds")
    (tmp_path / "seeds/words").mkdir(parents=True)
    (tmp_path / "seeds/words/plain").write_text("a seed that somebody wrote")
    program = tmp_path / "build/tests/fuzz/words_fuzzer"
    program.parent.mkdir(parents=True)
    program.write_text(FUZZER)
    program.chmod(0o755)
    return module


def grow(directory: Path, contents: list[bytes]):
    directory.mkdir(parents=True, exist_ok=True)
    for content in contents:
        (directory / hashlib.sha1(content).hexdigest()).write_bytes(content)


def test_what_was_grown_is_there_in_the_next_run(fuzzing, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "run_once", lambda command, seconds, once=fuzzing.run_once: (*once(command, seconds)[:2], seconds))
    for runs in (1, 2):
        result = fuzzing.run("words", tmp_path / "build", 1)
        assert (result.is_clean, result.inputs) == (True, 7)
        assert len(list((tmp_path / "build/corpus/words").iterdir())) == runs


@pytest.fixture
def sittings(fuzzing, tmp_path, monkeypatch):
    """Runs for so many seconds, with one report; returns the result, and how long each of its sittings was."""
    program = tmp_path / "build/tests/fuzz/words_fuzzer"
    program.write_text(FUZZER + "[ ! -e findings-wanted ]\n")
    monkeypatch.chdir(tmp_path)
    lengths = []

    def once(command, seconds, once=fuzzing.run_once):
        lengths.append(seconds)
        return *once(command, seconds)[:2], seconds

    def run(seconds):
        lengths.clear()
        return fuzzing.run("words", tmp_path / "build", seconds, tmp_path / "reports/fuzzing.json"), list(lengths)

    monkeypatch.setattr(fuzzing, "run_once", once)
    return run


def reported(tmp_path):
    return json.loads((tmp_path / "reports/fuzzing.json").read_text())


def test_a_run_goes_on_from_what_the_report_says_of_the_same_program(sittings, fuzzing, tmp_path):
    assert sittings(700)[1] == [fuzzing.LONGEST_SITTING, 700 - fuzzing.LONGEST_SITTING]
    result, lengths = sittings(900)
    assert (result.seconds, lengths) == (900, [200])
    assert sittings(900)[1] == []
    assert reported(tmp_path)["of"]["words"] == {"seconds": 900, "inputs": 21, "findings": 0}


@pytest.mark.parametrize("changed", ["build/tests/fuzz/words_fuzzer", "seeds/words/plain"])
def test_another_program_and_other_seeds_begin_anew(sittings, tmp_path, changed):
    sittings(100)
    with (tmp_path / changed).open("a") as file:
        file.write("\n# changed\n")
    assert sittings(100)[1] == [100]


def test_what_was_found_stays_found_until_the_program_is_another_one(sittings, tmp_path):
    (tmp_path / "findings-wanted").touch()
    result, lengths = sittings(100)
    assert (result.is_clean, lengths) == (False, [100])
    (tmp_path / "build/findings/words/crash-1").touch()
    (tmp_path / "findings-wanted").unlink()
    result, lengths = sittings(100)
    assert (result.is_clean, lengths) == (False, [])
    assert (tmp_path / "build/findings/words/crash-1").exists()
    assert reported(tmp_path)["of"]["words"]["findings"] == 1
    (tmp_path / "seeds/words/plain").write_text("another one")
    assert sittings(100)[0].is_clean
    assert not (tmp_path / "build/findings/words/crash-1").exists()


def test_a_report_keeps_what_it_says_of_other_fuzzers(sittings, fuzzing, tmp_path):
    fuzzing.write_report(tmp_path / "reports/fuzzing.json", fuzzing.Result("numbers", "x", 60, 5, True))
    sittings(100)
    assert reported(tmp_path)["of"]["numbers"] == {"seconds": 60, "inputs": 5, "findings": 0}
    assert reported(tmp_path)["total"] == {"seconds": 160, "inputs": 12, "findings": 0}


def test_a_merge_leaves_the_smallest_inputs_and_all_seeds(fuzzing, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "MOST_FILES", 3)
    monkeypatch.setattr(fuzzing, "MOST_BYTES", 5)
    grow(tmp_path / "build/corpus/words", [b"1", b"22", b"333", b"4444"])
    assert fuzzing.merge("words", tmp_path / "build")[0] == 3
    contents = {path.read_bytes() for path in (tmp_path / "seeds/words").iterdir()}
    assert contents == {b"a seed that somebody wrote", b"1", b"22"}


def test_a_merge_replaces_what_the_one_before_left(fuzzing, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "MOST_FILES", 1)
    grow(tmp_path / "seeds/words", [b"of the merge before"])
    grow(tmp_path / "build/corpus/words", [b"1"])
    fuzzing.merge("words", tmp_path / "build")
    assert {path.read_bytes() for path in (tmp_path / "seeds/words").iterdir()} == {b"a seed that somebody wrote", b"1"}
