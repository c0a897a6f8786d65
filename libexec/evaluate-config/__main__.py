"""evaluate-config REQUEST_FD ANSWER_FD: evaluates mock's configuration files.

Reads a request (JSON, see mockconfig.request.Request) from one descriptor and writes the answer (JSON) to another.
Configurations are Python code, so this runs as an unprivileged user, and whatever they print goes to standard error.
Ends with 0 when an answer was written, also when the answer is an error; with 2 when jinja2 is missing.
"""

from __future__ import annotations

import json
import os
import resource
import sys

EXIT_WITHOUT_JINJA2 = 2
MOST_MEMORY = 4 << 30


def main() -> int:
    try:
        import jinja2  # noqa: F401
    except ImportError:
        return EXIT_WITHOUT_JINJA2
    from mockconfig import evaluation, recording, request, typed

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request_descriptor, answer_descriptor = int(sys.argv[1]), int(sys.argv[2])
    sys.argv = ["mock"]
    sys.path = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
    with open(request_descriptor, encoding="utf-8") as file:
        document = json.load(file)

    recorder = recording.Recorder()
    recording.install(recorder)
    with recorder.recording():
        answer = evaluation.answer(request.Request.from_json(document), recorder)
    with open(answer_descriptor, "w", encoding="utf-8") as file:
        json.dump(answer, file, default=typed.json_form, skipkeys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
