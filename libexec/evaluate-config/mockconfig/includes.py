"""Executes configuration files and what they include.

mock pastes an included file's text over the line that includes it. Here each file is compiled on its own and executed
at the place of the include, with the same variables: what a configuration sees is the same, and an error names the
file and the line that its author knows. An include inside a text literal of several lines is pasted, as mock does.
"""

from __future__ import annotations

import ast
import glob
import grp
import json
import logging
import os
import pwd
import re
import shlex
import socket
import sys
import uuid
import warnings
from types import TracebackType
from typing import Any

from .errors import ConfigurationError, Notices
from .files import ConfigurationFiles
from .options import ConfigOptions

# mock executes configurations among the names that its own module has imported, and they have come to use them.
_MODULES = (glob, grp, json, logging, os, pwd, re, shlex, socket, sys, uuid, warnings)

_INCLUDE_LINE = re.compile(r"^[ \t]*include\((.*)\)", re.MULTILINE)


class ConfigurationReader:
    """Executes configuration files with one `config_opts`."""

    def __init__(self, options: ConfigOptions, directory: str, files: ConfigurationFiles, notices: Notices) -> None:
        self._options = options
        self._directory = directory
        self._files = files
        self._notices = notices

    def read(self, path: str) -> None:
        """Executes one file, with variables of its own. Throws ConfigurationError."""
        path = self._files.resolve(path)
        _OneFile(self._options, self._directory, self._files, self._notices).run(path)


class _OneFile:
    """One file and all that it includes: they share their variables."""

    def __init__(self, options: ConfigOptions, directory: str, files: ConfigurationFiles, notices: Notices) -> None:
        self._options = options
        self._directory = directory
        self._files = files
        self._notices = notices
        self._included: list[str] = []
        self._variables: dict[str, Any] = {module.__name__: module for module in _MODULES}
        self._variables["glob"] = glob.glob
        self._variables["literal_eval"] = ast.literal_eval
        self._variables["config_opts"] = options
        self._variables["include"] = self._include

    def run(self, path: str) -> None:
        self._variables["config_file"] = path
        self._included.append(path)
        try:
            self._execute(path)
        except (Exception, SystemExit) as error:
            raise self._located(error, path) from error
        known = self._options["config_paths"]
        self._options["config_paths"] = known + [name for name in self._included if name not in known]

    def _include(self, name: str) -> None:
        """`include(...)` as configurations call it."""
        path = self._path_to_include(name)
        if path is not None:
            self._execute(path)

    def _path_to_include(self, name: Any) -> str | None:
        """The path of an included file; None if this file has been included before."""
        if not isinstance(name, (str, os.PathLike)):
            raise ConfigurationError(f"include() takes a path, not {name!r}")
        path = os.path.join(self._directory, os.fspath(name))
        if not self._files.exists(path):
            raise ConfigurationError(f"Could not find included config file: {path}")
        if path in self._included:
            self._notices.warning(f"Multiple inclusion of {path}, skipping")
            return None
        self._included.append(path)
        return path

    def _execute(self, path: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in texts that have been fine for years
            tree = ast.parse(self._files.text(path), filename=path)
            code = compile(_IncludesInText(self).visit(tree), path, "exec")
        exec(code, self._variables)

    def pasted(self, argument: str) -> str:
        """The text of a file that is included in a text literal, `argument` being the expression in the brackets."""
        path = self._path_to_include(eval(argument, self._variables))
        if path is None:
            return ""
        return _INCLUDE_LINE.sub(lambda match: self.pasted(match[1]), self._files.text(path))

    def _located(self, error: BaseException, path: str) -> ConfigurationError:
        """The error with the file and line where it happened, and the includes that led there."""
        places = _places(error.__traceback__, set(self._included))
        if isinstance(error, SyntaxError) and error.filename in self._included:
            places.append((error.filename, error.lineno or 1))
        if isinstance(error, ConfigurationError):
            problem = error.message
            hints = error.hints
        elif isinstance(error, SystemExit):
            problem = "it ends the program (sys.exit)"
            hints = []
        else:
            text = error.msg if isinstance(error, SyntaxError) else str(error)
            problem = f"{type(error).__name__}: {text}" if text else type(error).__name__
            hints = []
        if not places:
            located = problem if problem.startswith(("Config error", "Cannot read")) else f"Config error: {path}: {problem}"
            return ConfigurationError(located, hints)
        *outer, (file, line) = places
        trail = "".join(f", included by {name}:{number}" for name, number in reversed(_one_per_file(outer, file)))
        return ConfigurationError(f"Config error: {file}:{line}: {problem}{trail}", hints)


class _IncludesInText(ast.NodeTransformer):
    """Pastes included files into text literals of several lines (a dnf.conf, say)."""

    def __init__(self, file: _OneFile) -> None:
        self._file = file

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and node.end_lineno and node.end_lineno > node.lineno:
            node.value = _INCLUDE_LINE.sub(lambda match: self._file.pasted(match[1]), node.value)
        return node


def _places(traceback: TracebackType | None, files: set[str]) -> list[tuple[str, int]]:
    """The lines of configuration files that were being executed, outermost first."""
    places = []
    while traceback:
        file = traceback.tb_frame.f_code.co_filename
        if file in files:
            places.append((file, traceback.tb_lineno))
        traceback = traceback.tb_next
    return places


def _one_per_file(places: list[tuple[str, int]], innermost: str) -> list[tuple[str, int]]:
    """One place for each file that led to the innermost: functions calling functions do not matter."""
    last = {file: line for file, line in places if file != innermost}
    return list(last.items())
