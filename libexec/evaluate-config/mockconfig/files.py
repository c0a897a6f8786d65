"""Reads configuration files, from their paths or from descriptors that the caller has opened."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .errors import ConfigurationError
from .recording import Recorder


class ConfigurationFiles:
    """The files of a configuration, as this unprivileged process may see them.

    `handed` maps a path to a descriptor of the file, or to None where the caller has found none: the files that belong
    to root and that this process could not open.
    """

    def __init__(self, recorder: Recorder, handed: Mapping[str, int | None]) -> None:
        self._recorder = recorder
        self._handed = handed

    def resolve(self, path: str) -> str:
        """The path with all links followed. Only the last name's link is recorded: a directory's own changes, which
        come with every new file in it, do not matter."""
        path = os.path.normpath(path)
        if path in self._handed:
            return path
        self._recorder.file(path)
        with self._recorder.paused():
            return os.path.realpath(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file; one that cannot be looked up counts as none, as with os.path.exists."""
        handed = os.path.normpath(path)
        if handed in self._handed:
            descriptor = self._handed[handed]
            self._recorder.known_file(path, None if descriptor is None else os.fstat(descriptor))
            return descriptor is not None
        self._recorder.file(path)
        with self._recorder.paused():
            return os.path.exists(path)

    def text(self, path: str) -> str:
        """The file's text. Throws ConfigurationError if it cannot be read."""
        try:
            descriptor = self._handed.get(os.path.normpath(path))
            if descriptor is not None:
                self._recorder.known_file(path, os.fstat(descriptor))
                size = os.fstat(descriptor).st_size
                return os.pread(descriptor, size, 0).decode()
            with open(path, encoding="utf-8") as file:
                return file.read()
        except PermissionError as error:
            raise ConfigurationError(f"Cannot read {path}: {error.strerror}", [
                f"  Configurations are evaluated without root's rights, by uid {os.getuid()} and gid {os.getgid()}.",
                f"  Let that user read it, e.g. chmod a+r {path}, and a+x on the directories above.",
            ]) from error
        except OSError as error:
            raise ConfigurationError(f"Cannot read {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"Config error: {path}: not UTF-8 text: {error.reason} "
                                     f"at byte {error.start}") from error
