"""A machine with a store on it, and mock's part played by mock_host.py, for tests of the plugin."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = os.environ["PLYROOT_PROGRAM"]
PLUGIN = Path(os.environ["PLYROOT_MOCK_PLUGIN"])


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="only root can mount roots"))


class Machine:
    """A mount namespace that stands for a host's, with a file system of its own in it, and a plugin directory in which
    mock's own plugin lies beside ours."""

    def __init__(self, directory: Path, propagation: str):
        self.disk = directory / "disk"
        self.disk.mkdir()
        self.propagation = propagation
        self.plugins = directory / "plugins"
        self.plugins.mkdir()
        shutil.copy2(PLUGIN, self.plugins)
        (self.plugins / "overlayfs.py").write_text("raise ImportError('mock has found its own plugin')\n")
        self.host = subprocess.Popen(
            ["unshare", "--mount", "--propagation", propagation, "sh", "-c",
             f"mount -t tmpfs -o mode=755 disk {self.disk} && echo ready && exec sleep infinity"],
            stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert self.host.stdout.readline() == "ready\n"
        self.seen = Path(f"/proc/{self.host.pid}/root")
        self.started: list[subprocess.Popen] = []

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()
        # plyroot's housekeeping, and what a killed mock has left: nothing of it outlives the test.
        for process in self.processes_of_the_disk():
            os.kill(process, signal.SIGKILL)
        self.host.kill()
        self.host.wait()

    def processes_of_the_disk(self) -> list[int]:
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if int(directory.name) != self.host.pid and str(self.disk) in (directory / "mountinfo").read_text():
                    found.append(int(directory.name))
            except OSError:
                continue
        return found

    def inside(self, *words) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self.host.pid}/ns/mnt", *map(str, words)]

    def mock(self, *words, options=()) -> list[str]:
        return self.inside("/usr/bin/python3", "-B", HERE / "host" / "mock_host.py", "--plugin-dir", self.plugins,
                           "--basedir", self.disk / "mock", "--base-dir", self.disk / "ply", *options, "--", *words)  # fmt: skip

    def run(self, *words, options=()) -> subprocess.CompletedProcess:
        return subprocess.run(self.mock(*words, options=options), capture_output=True, text=True, timeout=120)

    def ok(self, *words, options=()) -> str:
        """A command that must succeed; what it wrote to standard output."""
        done = self.run(*words, options=options)
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, code: int, *words, options=()) -> str:
        """A command that must end with this exit code, and no traceback; what it wrote to standard error."""
        done = self.run(*words, options=options)
        assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr

    def start(self, *words, options=(), until: str | None = None) -> subprocess.Popen:
        """A command that runs on; it has written the line `until` when this returns."""
        return self.start_process(self.mock(*words, options=options), until)

    def start_plyroot(self, *words, until: str) -> subprocess.Popen:
        return self.start_process(self.plyroot_command(*words), until)

    def start_process(self, command: list[str], until: str | None) -> subprocess.Popen:
        # Who runs the tests in the background has told them to ignore SIGINT.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
        self.started.append(process)
        if until is not None:
            for line in process.stdout:
                if line.strip() == until:
                    return process
            raise AssertionError(f"{command} ended without '{until}': {process.stderr.read()}")
        return process

    def sh(self, script: str, options=()) -> str:
        return self.ok("chroot", script, options=options)

    def list(self, options=()) -> list[str]:
        return self.ok("list-snapshots", options=options).splitlines()

    def mounts(self) -> list[str]:
        """The mounts that the host sees in mock's directory: mount point and source."""
        lines = (self.seen.parent / "mountinfo").read_text().splitlines()
        fields = [(line.split(), line.split(" - ")[1].split()) for line in lines]
        return [f"{left[4].removeprefix(str(self.disk))} {right[1]}" for left, right in fields if f"{self.disk}/mock" in left[4]]

    def plyroot_command(self, *words) -> list[str]:
        configuration = self.seen / str(self.disk).lstrip("/") / "etc" / "test.cfg"
        if not configuration.exists():
            configuration.parent.mkdir()
            configuration.write_text(
                "config_opts['root'] = 'test'\n"
                f"config_opts['basedir'] = '{self.disk}/mock'\n"
                f"config_opts['cache_topdir'] = '{self.disk}/cache'\n"
                f"config_opts['plugin_conf']['overlayfs_opts']['base_dir'] = '{self.disk}/ply'\n"
                "config_opts['dnf.conf'] = '[main]'\n"
                "config_opts['use_bootstrap'] = False\n"
            )
        return self.inside(PROGRAM, "--configdir", self.disk / "etc", "-r", "test", "-q", *words)

    def plyroot(self, *words) -> subprocess.CompletedProcess:
        return subprocess.run(self.plyroot_command(*words), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def plyroot_ok(self, *words) -> str:
        done = self.plyroot(*words)
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def root(self) -> Path:
        """The root's directory, as the host sees it."""
        return self.seen / str(self.disk).lstrip("/") / "mock" / "test" / "root"

    @property
    def store(self) -> Path:
        return self.seen / str(self.disk).lstrip("/") / "ply" / "test"


def wait_until(holds) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that in 10 s")


# Hosts differ in whether what mock mounts is seen by them: systemd's share their mounts, containers do not.
on_both_hosts = pytest.mark.parametrize("machine", ["private", "shared"], indirect=True)


@pytest.fixture
def machine(request, tmp_path):
    made = Machine(tmp_path, getattr(request, "param", "private"))
    yield made
    made.close()


@pytest.fixture
def initialized(machine) -> Machine:
    machine.ok("init")
    return machine
