"""Carries out one request."""

from __future__ import annotations

import sys
from typing import Any

import jinja2

from . import display
from .errors import ConfigurationError, Notices
from .files import ConfigurationFiles
from .loading import Evaluation, load_configuration
from .overrides import apply_command_line, finish, isolation
from .recording import Recorder
from .request import Request
from .typed import typed_configuration, whole_dictionary


def answer(request: Request, recorder: Recorder) -> dict[str, Any]:
    """The answer to a request: its result or an error, the notices, and what it depends on."""
    recorder.file(sys.executable)
    recorder.file(jinja2.__file__)
    notices = Notices()
    evaluation = Evaluation(request, recorder, ConfigurationFiles(recorder, request.handed), notices)
    document: dict[str, Any] = {}
    try:
        document["result"] = _result(evaluation)
    except ConfigurationError as error:
        document["error"] = {"exit_code": error.exit_code, "message": error.message, "hints": error.hints}
    document["notices"] = [{"level": level, "text": text} for level, text in notices.entries]
    document["depends_on"] = recorder.as_json()
    return document


def _result(evaluation: Evaluation) -> dict[str, Any]:
    request = evaluation.request
    if request.task == "list_chroots":
        return {"text": display.list_chroots(evaluation)}
    options = load_configuration(evaluation, request.chroot)
    apply_command_line(options, request.command_line)
    sys.setrecursionlimit(max(options["recursion_limit"], sys.getrecursionlimit()))
    shared_root = finish(options, request.command_line, evaluation.notices)
    if request.task == "debug_config":
        return {"text": display.debug_text(evaluation, options, expand=False)}
    if request.task == "debug_config_expanded":
        return {"text": display.debug_text(evaluation, options, expand=True)}
    return {
        "config": typed_configuration(options, shared_root, isolation(options, request.command_line)),
        "dictionary": whole_dictionary(options),
        "computes_with_root": options.computes_with_followed,
    }
