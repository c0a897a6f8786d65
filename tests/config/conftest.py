"""A directory of configurations, and two ways to evaluate them: here, and in a process as plyroot does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EVALUATOR = Path(__file__).parents[2] / "libexec/evaluate-config"
sys.path.insert(0, str(EVALUATOR))
sys.dont_write_bytecode = True

from mockconfig.evaluation import answer  # noqa: E402
from mockconfig.recording import Recorder  # noqa: E402
from mockconfig.request import CommandLine, Request  # noqa: E402


class Configurations:
    """Configuration files in a directory of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "etc"
        self.home = directory / "home"

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the configuration directory; one that starts with ~ goes to the home directory."""
        path = self.home / name[2:] if name.startswith("~/") else self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def request(self, chroot: str, task: str = "config", **command_line: Any) -> Request:
        return Request(
            task=task,
            chroot=chroot,
            config_directory=str(self.directory),
            home=str(self.home),
            chroot_uid=1000,
            chroot_gid=1000,
            command_line=CommandLine(**command_line),
        )

    def answer(self, chroot: str, task: str = "config", **command_line: Any) -> dict[str, Any]:
        """Evaluates here, without recording."""
        return answer(self.request(chroot, task, **command_line), Recorder())

    def config(self, chroot: str, **command_line: Any) -> dict[str, Any]:
        """The typed configuration, with all of config_opts as `dictionary`. Fails if there is an error."""
        document = self.answer(chroot, **command_line)
        assert "error" not in document, document["error"]
        return {**document["result"]["config"], "dictionary": document["result"]["dictionary"]}

    def error(self, chroot: str, **command_line: Any) -> dict[str, Any]:
        return self.answer(chroot, **command_line)["error"]

    def text(self, task: str, chroot: str = "default", **command_line: Any) -> str:
        return self.answer(chroot, task, **command_line)["result"]["text"]

    def in_process(self, chroot: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
        """Evaluates in a process of its own, which records; returns the whole answer."""
        request = self.request(chroot)
        document = {**request.__dict__, "command_line": request.command_line.__dict__}
        question, answers = os.pipe(), os.pipe()
        os.write(question[1], json.dumps(document).encode())
        os.close(question[1])
        command = ["/usr/bin/python3", "-I", "-B", str(EVALUATOR), str(question[0]), str(answers[1])]
        with subprocess.Popen(command, pass_fds=(question[0], answers[1]), env=environment or {}, cwd="/") as process:
            os.close(answers[1])
            with open(answers[0], encoding="utf-8") as file:
                text = file.read()
        os.close(question[0])
        assert process.returncode == 0
        return json.loads(text)


@pytest.fixture
def configurations(tmp_path: Path) -> Configurations:
    return Configurations(tmp_path)
