"""A host for the plugin: loads it as mock does, and calls its hooks in mock's order for mock's commands.

What it installs is a shell and a few programs of the machine. Everything else is mock's: a mount namespace of its own,
the lock on the root, mounts below the root, which exception ends in which exit code.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import importlib.machinery
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mockbuild.exception import BuildRootLocked, Error  # noqa: E402

CLONE_NEWNS = 0x20000
PROGRAMS = ("sh", "sleep", "cat", "ls", "touch", "rm", "mkdir")
log = logging.getLogger("mockbuild")


class BuildFailed(Error):
    resultcode = 10


class Plugins:
    def __init__(self, directory: str, options: dict):
        self.directory = directory
        self.options = options
        self.hooks: dict[str, list] = {}

    def load(self, buildroot: Buildroot) -> None:
        spec = importlib.machinery.PathFinder.find_spec("overlayfs", [self.directory])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[spec.name] = module
        assert module.requires_api_version == "1.1"
        assert isinstance(module.run_in_bootstrap, bool)
        module.init(self, self.options, buildroot)

    def add_hook(self, stage: str, function) -> None:
        self.hooks.setdefault(stage, []).append(function)

    def call(self, stage: str, *arguments) -> None:
        """Hooks of other names are none of this plugin's, and one of its own leaves mock's working directory alone."""
        working_directory = os.getcwd()
        for function in self.hooks.get(stage, []):
            function(*arguments)
        assert os.getcwd() == working_directory, stage


class Mounts:
    """One mount below the root: mock's /proc, /sys and the like."""

    def __init__(self, rootdir: str):
        self.path = f"{rootdir}/managed"
        self.mounted = os.path.ismount(self.path)

    def mountall_managed(self) -> None:
        if self.mounted:
            return
        os.makedirs(self.path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "managed", self.path], check=True)
        self.mounted = True

    def umountall(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", self.path])  # mock does not mind where that fails
        self.mounted = False


class Buildroot:
    is_bootstrap = False

    def __init__(self, config: dict, plugins: Plugins):
        self.shared_root_name = config["root"]
        if "unique-ext" in config:
            config["root"] += "-" + config["unique-ext"]
        self.config = config
        self.mockdir = config["basedir"]
        self.basedir = f"{config['basedir']}/{config['root']}"
        self.rootdir = f"{self.basedir}/root"
        self.root_log = log
        self.mounts = Mounts(self.rootdir)
        self.plugins = plugins
        self.lock_file = None
        plugins.load(self)

    def lock(self, kind: int) -> None:
        if self.lock_file is None:
            os.makedirs(self.basedir, exist_ok=True)
            self.lock_file = open(f"{self.basedir}/buildroot.lock", "a+")
        try:
            fcntl.lockf(self.lock_file.fileno(), kind | fcntl.LOCK_NB)
        except OSError:
            raise BuildRootLocked("Build root is locked by another process.") from None

    def unlock(self) -> None:
        if self.lock_file is not None:
            self.lock_file.close()
        self.lock_file = None

    def initialize(self) -> None:
        try:
            self.lock(fcntl.LOCK_EX)
            os.makedirs(self.rootdir, exist_ok=True)
            self.plugins.call("mount_root")
            if self.config.get("fail") == "before-preinit":
                raise Error("no result directory", 70)
            was_initialized = os.path.exists(f"{self.rootdir}/.initialized")
            self.plugins.call("preinit")
            self.mounts.mountall_managed()
            if not was_initialized:
                self.install()
            Path(f"{self.rootdir}/.initialized").touch()
            self.plugins.call("postinit")
        except BuildRootLocked:
            pass  # another mock has initialised the root; this one joins it
        finally:
            self.lock(fcntl.LOCK_SH)

    def install(self) -> None:
        self.plugins.call("preyum")
        print("installing", flush=True)
        for name in PROGRAMS:
            program = shutil.which(name)
            listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout.split()
            for file in {program, *(word for word in listing if word.startswith("/"))}:
                target = Path(self.rootdir + file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(os.path.realpath(file), target)
        for directory in ("tmp", "proc", "sys", "dev", "etc", "bin", "builddir"):
            os.makedirs(f"{self.rootdir}/{directory}", exist_ok=True)
        if not os.path.exists(f"{self.rootdir}/bin/sh"):
            os.symlink(shutil.which("sh"), f"{self.rootdir}/bin/sh")
        database = Path(f"{self.rootdir}/var/lib/rpm")
        database.mkdir(parents=True)
        (database / "rpmdb.sqlite").write_text("packages")
        if script := self.config.get("installation"):
            subprocess.run(["sh", "-c", script], check=True)
        if self.config.get("fail") == "installation":
            raise Error("Command failed: dnf", 30)
        self.plugins.call("postyum")

    def run(self, script: str) -> int:
        return subprocess.run(["sh", "-c", script], preexec_fn=lambda: (os.chroot(self.rootdir), os.chdir("/"))).returncode

    def delete(self) -> None:
        if os.path.exists(self.basedir):
            self.lock(fcntl.LOCK_EX)
            self.mounts.umountall()
            self.plugins.call("umount_root")
            self.unlock()
            assert not os.path.ismount(self.rootdir)
            shutil.rmtree(self.basedir)
        self.plugins.call("postclean")

    def finalize(self) -> None:
        if not os.path.exists(self.rootdir):
            return
        try:
            self.lock(fcntl.LOCK_EX)
            self.mounts.umountall()
            self.plugins.call("postumount")
        except BuildRootLocked:
            pass
        finally:
            self.unlock()


def carry_out(command: str, words: list[str], buildroot: Buildroot) -> int:
    plugins = buildroot.plugins
    if command == "init":
        buildroot.delete()
        buildroot.initialize()
    elif command in ("chroot", "shell"):
        buildroot.initialize()
        plugins.call(f"pre{command}")
        code = buildroot.run(words[0])
        plugins.call(f"post{command}")
        return code
    elif command == "install":
        buildroot.initialize()
        plugins.call("preyum")
        return buildroot.run(words[0])
    elif command == "rebuild":
        for script in words:
            if buildroot.config["clean"]:
                buildroot.delete()
            buildroot.initialize()
            plugins.call("prebuild")
            try:
                if buildroot.run(script) != 0:
                    raise BuildFailed("Command failed: rpmbuild")
            finally:
                plugins.call("postbuild")
    elif command == "pile-up":  # many commands in one process
        for number in range(int(words[0])):
            buildroot.initialize()
            buildroot.run(words[1])
            buildroot.finalize()
            plugins.call("make_snapshot", f"s{number}")
    elif command == "clean":
        buildroot.delete()
    elif command == "scrub":
        plugins.call("scrub", words[0])
        if words[0] in ("all", "chroot"):
            buildroot.delete()
    else:
        hook = {"snapshot": "make_snapshot", "rollback-to": "rollback_to", "remove-snapshot": "remove_snapshot",
                "mount": "mount_root", "umount": "umount_root"}[command]  # fmt: skip
        plugins.call(hook, *words)
    return 0


def unshare_mounts() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin-dir", required=True)
    parser.add_argument("--basedir", required=True)
    parser.add_argument("--base-dir", required=True)
    parser.add_argument("--uniqueext")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--fail")
    parser.add_argument("--installation")
    parser.add_argument("--bootstrap", action="store_true")
    parser.add_argument("--no-clean", action="store_true")
    parser.add_argument("command")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()

    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    config = {"root": "test", "basedir": arguments.basedir, "fail": arguments.fail, "clean": not arguments.no_clean,
              "installation": arguments.installation}  # fmt: skip
    if arguments.uniqueext:
        config["unique-ext"] = arguments.uniqueext
    options = {"base_dir": arguments.base_dir, **{name: True for name in arguments.option}}
    if arguments.bootstrap:
        Buildroot({"root": "test-bootstrap", "basedir": arguments.basedir}, Plugins(arguments.plugin_dir, options))
    buildroot = Buildroot(config, Plugins(arguments.plugin_dir, options))
    if arguments.command == "list-snapshots":
        buildroot.plugins.call("list_snapshots")
        return 0
    unshare_mounts()
    try:
        return carry_out(arguments.command, arguments.words, buildroot)
    finally:
        buildroot.finalize()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Error as error:
        log.error(str(error))
        sys.exit(error.resultcode)
    except KeyboardInterrupt:
        log.error("Exiting on user interrupt, <CTRL>-C")
        sys.exit(7)
