"""What can be wrong with a configuration, and what the evaluation has to say beside its answer."""

from __future__ import annotations

EXIT_INVALID_CONFIGURATION = 3
EXIT_BAD_COMMAND_LINE = 5


class ConfigurationError(Exception):
    """A configuration that cannot be used. `hints` are lines that say what to do next."""

    exit_code = EXIT_INVALID_CONFIGURATION

    def __init__(self, message: str, hints: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints or []


class CommandLineError(ConfigurationError):
    """An option of the command line that the configuration cannot take."""

    exit_code = EXIT_BAD_COMMAND_LINE


class Notices:
    """Messages for the user that do not end the evaluation; the caller prints them, also from its cache."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def info(self, text: str) -> None:
        self.entries.append(("info", text))

    def warning(self, text: str) -> None:
        self.entries.append(("warning", text))
