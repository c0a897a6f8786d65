"""Records what an evaluation depends on, so that its answer can be kept until one of those things changes.

Two sources: an audit hook, which the interpreter calls when a file is opened, a directory is listed, a program is
started or a socket is made; and wrappers around the calls that no audit event covers (stat and its relatives, the
environment, the clock, random numbers). What cannot be observed again by a later, cheap look makes the answer one that
must not be kept: it gets a reason.

Once installed, hooks and wrappers stay for the life of the process; `Recorder.paused` mutes them.
"""

from __future__ import annotations

import datetime
import functools
import grp
import os
import posix
import pwd
import random
import stat as stat_modes
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_stat = os.stat
_lstat = os.lstat

FileRecord = dict[str, Any]

USER_DATABASE = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
HOST_NAME_SOURCES = ("/etc/hosts", "/etc/hostname", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf")

_CHANGING_TREES = ("/proc/", "/sys/", "/dev/")

_UNREPEATABLE_EVENTS = {
    "subprocess.Popen": "it runs a program",
    "os.system": "it runs a program",
    "os.exec": "it runs a program",
    "os.posix_spawn": "it runs a program",
    "os.spawn": "it runs a program",
    "pty.spawn": "it runs a program",
    "os.fork": "it forks",
    "os.forkpty": "it forks",
    "os.kill": "it sends signals",
    "builtins.input": "it asks the user",
    "sqlite3.connect": "it opens a database",
}
_UNREPEATABLE_FAMILIES = {
    "socket": "it opens a socket",
    "ctypes": "it calls machine code",
    "shutil": "it changes files",
    "tempfile": "it changes files",
}
_CHANGING_EVENTS = {
    f"os.{name}"
    for name in ("mkdir", "remove", "rename", "rmdir", "symlink", "link", "chmod", "chown", "truncate", "utime",
                 "setxattr", "removexattr", "mkfifo", "mknod")
}  # fmt: skip


class Recorder:
    """Everything that one evaluation has looked at."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], FileRecord] = {}
        self.environment: dict[str, str | None] = {}
        self.processors: dict[str, int] = {}
        self.reasons: list[str] = []
        self._active = False
        self._own_variables: set[str] = set()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Records while the context lasts."""
        yield from self._switched(True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Records nothing while the context lasts: for what the caller records itself."""
        yield from self._switched(False)

    def _switched(self, active: bool) -> Iterator[None]:
        before, self._active = self._active, active
        try:
            yield
        finally:
            self._active = before

    def cannot_repeat(self, reason: str) -> None:
        """The answer must not be kept, because of `reason`."""
        if self._active and reason not in self.reasons:
            self.reasons.append(reason)

    def file(self, path: Any) -> None:
        """The answer depends on the file behind `path` (or on there being none), and on the link if it is one."""
        name = self._name(path)
        if name is None or ("file", name) in self.files:
            return
        self.link(name, only_if_link=True)
        self._record("file", name, _stat)

    def link(self, path: Any, only_if_link: bool = False) -> None:
        """The answer depends on what lies at `path` itself, a symbolic link not followed."""
        name = self._name(path)
        if name is None or ("link", name) in self.files:
            return
        if only_if_link and not _is_link(name):
            return
        self._record("link", name, _lstat)

    def known_file(self, path: str, status: os.stat_result | None) -> None:
        """As `file`, for one that this process cannot look up itself; None: there is none."""
        self.files["file", path] = _identity(status)

    def _record(self, kind: str, name: str, look: Callable[[str], os.stat_result]) -> None:
        try:
            status = look(name)
            record = _identity(status)
        except (FileNotFoundError, NotADirectoryError):
            record = _identity(None)
        except (OSError, ValueError) as error:
            self.cannot_repeat(f"it looks for {name}, which fails: {error}")
            return
        self.files[kind, name] = record

    def _name(self, path: Any) -> str | None:
        """The absolute name of `path`; None if it needs no record."""
        if not self._active or isinstance(path, int):
            return None
        try:
            name = os.path.join("/", os.fsdecode("." if path in (None, "") else path))
            name.encode()
        except (TypeError, UnicodeError):
            self.cannot_repeat("it uses a file name that is not text")
            return None
        if name.startswith(_CHANGING_TREES):
            self.cannot_repeat(f"it looks at {name}, whose changes cannot be seen")
            return None
        return name

    def variable(self, name: str, value: str | None) -> None:
        """The answer depends on an environment variable; None: it was not set."""
        if self._active and name not in self._own_variables:
            self.environment.setdefault(name, value)

    def own_variable(self, name: str) -> None:
        """The configuration has set or removed this environment variable itself."""
        self._own_variables.add(name)

    def processor_count(self, kind: str, count: int) -> None:
        """The answer depends on a number of processors."""
        if self._active:
            self.processors[kind] = count

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The interpreter's audit hook."""
        if not self._active:
            return
        if event == "open":
            path, mode, flags = arguments
            if _opens_for_writing(mode, flags):
                self.cannot_repeat("it changes files")
            self.file(path)
        elif event in ("os.listdir", "os.scandir", "os.getxattr", "os.listxattr"):
            self.file(arguments[0])
        elif event in _UNREPEATABLE_EVENTS:
            self.cannot_repeat(_UNREPEATABLE_EVENTS[event])
        elif event in _CHANGING_EVENTS:
            self.cannot_repeat("it changes files")
        elif event == "import":
            self._imported(arguments[1])
        elif event != "socket.gethostname":
            family = event.partition(".")[0]
            if family in _UNREPEATABLE_FAMILIES:
                self.cannot_repeat(_UNREPEATABLE_FAMILIES[family])

    def _imported(self, machine_code: Any) -> None:
        if isinstance(machine_code, str) and "/lib-dynload/" not in machine_code:
            self.cannot_repeat(f"it loads machine code: {machine_code}")

    def as_json(self) -> dict[str, Any]:
        """The records in the form of the answer."""
        return {
            "files": [{"kind": kind, "path": name, **record} for (kind, name), record in self.files.items()],
            "environment": [{"name": name, "value": value} for name, value in self.environment.items()],
            "processors": [{"kind": kind, "count": count} for kind, count in self.processors.items()],
            "uncacheable": self.reasons,
        }


def _identity(status: os.stat_result | None) -> FileRecord:
    if status is None:
        return {"absent": True}
    return {
        "device": status.st_dev,
        "inode": status.st_ino,
        "size": status.st_size,
        "modified": status.st_mtime_ns,
        "changed": status.st_ctime_ns,
    }


def _is_link(name: str) -> bool:
    try:
        return stat_modes.S_ISLNK(_lstat(name).st_mode)
    except (OSError, ValueError):
        return False


def _opens_for_writing(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
        return True
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def install(recorder: Recorder) -> None:
    """Puts the hook and the wrappers in place; to be called once, before any configuration is executed."""
    sys.addaudithook(recorder.audit)
    _wrap_file_calls(recorder)
    _wrap_environment(recorder)
    _wrap_user_database(recorder)
    _wrap_processor_counts(recorder)
    _wrap_clock(recorder)
    _wrap_random_numbers(recorder)
    for name in ("getpid", "getppid", "getpgid", "getsid", "times", "getloadavg", "statvfs", "sysconf", "getlogin"):
        _wrap(recorder, (os, posix), name, f"it calls os.{name}")


def _replace(modules: tuple[ModuleType, ...], name: str, wrapper: Callable[..., Any]) -> None:
    for module in modules:
        if hasattr(module, name):
            setattr(module, name, wrapper)


def _wrap(recorder: Recorder, modules: tuple[Any, ...], name: str, reason: str) -> None:
    """Makes each call of a function a reason not to keep the answer."""
    function = getattr(modules[0], name, None)
    if function is None:
        return

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder.cannot_repeat(reason)
        return function(*args, **kwargs)

    _replace(modules, name, wrapper)


def _wrap_file_calls(recorder: Recorder) -> None:
    def wrap(name: str, note: Callable[..., None]) -> None:
        function = getattr(os, name)

        @functools.wraps(function)
        def wrapper(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("dir_fd") is not None:
                recorder.cannot_repeat("it names a file relative to a descriptor")
            else:
                note(path, *args, **kwargs)
            return function(path, *args, **kwargs)

        _replace((os, posix), name, wrapper)

    def note_status(path: Any, **kwargs: Any) -> None:
        recorder.file(path) if kwargs.get("follow_symlinks", True) else recorder.link(path)

    def note_access(path: Any, *_: Any, **__: Any) -> None:
        recorder.file(path)

    wrap("stat", note_status)
    wrap("access", note_access)
    wrap("lstat", recorder.link)
    wrap("readlink", recorder.link)
    wrap("open", lambda *_, **__: None)

    scan = os.scandir

    @functools.wraps(scan)
    def scandir(path: Any = ".") -> Any:
        return _RecordedScan(recorder, scan(path))

    _replace((os, posix), "scandir", scandir)


class _RecordedScan:
    """An iterator over a directory whose entries record the calls that look at a file."""

    def __init__(self, recorder: Recorder, scan: Any) -> None:
        self._recorder = recorder
        self._scan = scan

    def __iter__(self) -> _RecordedScan:
        return self

    def __next__(self) -> _RecordedEntry:
        return _RecordedEntry(self._recorder, next(self._scan))

    def __enter__(self) -> _RecordedScan:
        return self

    def __exit__(self, *_: Any) -> None:
        self._scan.close()

    def close(self) -> None:
        self._scan.close()


class _RecordedEntry(os.PathLike):  # type: ignore[type-arg]
    """A directory entry; the calls that may follow a link or ask for a status record the file."""

    def __init__(self, recorder: Recorder, entry: os.DirEntry[Any]) -> None:
        self._recorder = recorder
        self._entry = entry
        self.name = entry.name
        self.path = entry.path

    def __fspath__(self) -> Any:
        return self.path

    def inode(self) -> int:
        return self._entry.inode()

    def is_symlink(self) -> bool:
        return self._entry.is_symlink()

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        self._note_if_link(follow_symlinks)
        return self._entry.is_dir(follow_symlinks=follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        self._note_if_link(follow_symlinks)
        return self._entry.is_file(follow_symlinks=follow_symlinks)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        self._recorder.file(self.path) if follow_symlinks else self._recorder.link(self.path)
        return self._entry.stat(follow_symlinks=follow_symlinks)

    def _note_if_link(self, follow_symlinks: bool) -> None:
        if follow_symlinks and self._entry.is_symlink():
            self._recorder.file(self.path)


def _wrap_environment(recorder: Recorder) -> None:
    class RecordedEnvironment(type(os.environ)):  # type: ignore[misc]
        """The environment; reading it is recorded, as text, whether through os.environ or os.environb."""

        def __getitem__(self, key: Any) -> Any:
            try:
                value = super().__getitem__(key)
            except KeyError:
                recorder.variable(os.fsdecode(key), None)
                raise
            recorder.variable(os.fsdecode(key), os.fsdecode(value))
            return value

        def __iter__(self) -> Iterator[Any]:
            for key in super().__iter__():
                self.get(key)
                yield key

        def __len__(self) -> int:
            return sum(1 for _ in self)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, value)
            recorder.own_variable(os.fsdecode(key))

        def __delitem__(self, key: Any) -> None:
            super().__delitem__(key)
            recorder.own_variable(os.fsdecode(key))

    for environment in (os.environ, os.environb):
        environment.__class__ = RecordedEnvironment  # type: ignore[assignment]
    posix.environ = {}  # the same dictionary without the wrapper; os has it by another reference


def _wrap_user_database(recorder: Recorder) -> None:
    for module, names in ((pwd, ("getpwuid", "getpwnam", "getpwall")), (grp, ("getgrgid", "getgrnam", "getgrall"))):
        for name in names:
            _replace((module,), name, _after_noting(getattr(module, name), recorder, USER_DATABASE))


def _after_noting(function: Callable[..., Any], recorder: Recorder, files: tuple[str, ...]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for file in files:
            recorder.file(file)
        return function(*args, **kwargs)

    return wrapper


def _wrap_processor_counts(recorder: Recorder) -> None:
    count_online, allowed = os.cpu_count, os.sched_getaffinity

    def cpu_count() -> int | None:
        count = count_online()
        recorder.processor_count("online", count or 0)
        return count

    def sched_getaffinity(pid: int, /) -> set[int]:
        processors = allowed(pid)
        recorder.processor_count("allowed", len(processors))
        return processors

    _replace((os, posix), "cpu_count", cpu_count)
    _replace((os, posix), "sched_getaffinity", sched_getaffinity)


def _wrap_clock(recorder: Recorder) -> None:
    reason = "it asks the time"
    for name in dir(time):
        if name.partition("_")[0] in ("time", "monotonic", "perf", "process", "thread", "clock"):
            if callable(getattr(time, name)):
                _wrap(recorder, (time,), name, reason)
    for name, moment_at in (("localtime", 0), ("gmtime", 0), ("ctime", 0), ("asctime", 0), ("strftime", 1)):
        _wrap_without_moment(recorder, name, moment_at, reason)

    exact = datetime.datetime

    class RecordedDatetime(exact):
        """datetime, whose `now` asks the clock where no hook sees it."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            recorder.cannot_repeat(reason)
            return super().now(tz)

        @classmethod
        def utcnow(cls) -> Any:
            recorder.cannot_repeat(reason)
            return super().utcnow()

    RecordedDatetime.__name__ = RecordedDatetime.__qualname__ = "datetime"
    RecordedDatetime.__module__ = "datetime"
    datetime.datetime = RecordedDatetime  # type: ignore[misc]


def _wrap_without_moment(recorder: Recorder, name: str, moment_at: int, reason: str) -> None:
    """A function of `time` that asks the clock only if it is not given the moment."""
    function = getattr(time, name)

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        if len(args) <= moment_at or args[moment_at] is None:
            recorder.cannot_repeat(reason)
        return function(*args)

    _replace((time,), name, wrapper)


def _wrap_random_numbers(recorder: Recorder) -> None:
    reason = "it takes random numbers"
    for name in ("urandom", "getrandom"):
        _wrap(recorder, (os, posix), name, reason)
    for name in ("uuid1", "uuid4", "getnode"):
        _wrap(recorder, (uuid,), name, reason)
    for name in random.__all__:
        if not isinstance(getattr(random, name), type):
            _wrap(recorder, (random,), name, reason)
    _wrap(recorder, (random,), "_urandom", reason)

    seed = random.Random.seed

    @functools.wraps(seed)
    def recorded_seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            recorder.cannot_repeat(reason)
        seed(self, a, version)

    random.Random.seed = recorded_seed  # type: ignore[method-assign]
