"""What tests/fuzz/run keeps, with a program in a fuzzer's place."""

import hashlib
import importlib.machinery
import importlib.util
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
