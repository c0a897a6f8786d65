"""A store that is as small as it can be, plyroot under the fault injector, and what a user sees of the store.

Everything is mounted in a mount namespace of this process: nothing is left behind, whatever happens.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(os.environ.get("PLYROOT_SOURCE", Path(__file__).parents[2]))
PROGRAM = os.environ.get("PLYROOT_PROGRAM", str(SOURCE / "build" / "plyroot"))
TOOLS = Path(os.environ.get("PLYROOT_CRASH_TOOLS", SOURCE / "build" / "tests" / "crash"))
ROOT = "tiny"

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REC, MS_PRIVATE, MS_BIND = 1, 0x4000, 1 << 18, 0x1000
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source: str, target: os.PathLike, kind: str = "", flags: int = 0, options: str = ""):
    checked(libc.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()), f"mount {target}")


def unmount(target: os.PathLike, flags: int = 0):
    checked(libc.umount2(os.fsencode(target), flags), f"unmount {target}")


def enter_own_mount_namespace():
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    # The copy of a root that a test beside this one has mounted would keep it in use.
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in reversed(places):
        if place.startswith(f"{tempfile.gettempdir()}/"):
            unmount(place, MNT_DETACH)


def digest(tree: Path, with_times: bool = True) -> str:
    """Of everything that is kept about the files of a tree: names, types, modes, owners, times, extended attributes,
    which names are one file, contents."""
    seen: dict[tuple[int, int], str] = {}
    entries = []

    def add(path: str, name: str):
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        what = [name, oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns if name and with_times else 0]
        what.append([(key, os.getxattr(path, key, follow_symlinks=False)) for key in sorted(os.listxattr(path, follow_symlinks=False))])
        if kind == stat.S_IFLNK:
            what.append(os.readlink(path))
        elif kind == stat.S_IFREG:
            first_name = seen.setdefault((status.st_dev, status.st_ino), name)
            what.append(first_name if first_name != name else hashlib.sha256(Path(path).read_bytes()).hexdigest())
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            what.append(status.st_rdev)
        entries.append(what)
        if kind == stat.S_IFDIR:
            for child in sorted(os.listdir(path)):
                add(f"{path}/{child}", f"{name}/{child}")

    add(str(tree), "")
    return hashlib.sha256(repr(entries).encode()).hexdigest()[:16]


@dataclass
class Result:
    code: int
    stdout: str
    stderr: str
    calls: list[str] = field(default_factory=list)
    hit: bool = False
    stuck: str = ""


class Machine:
    """A disk, and plyroot with a configuration for a tiny root on it."""

    def __init__(self, disk: Path, scratch: Path, mock: Path | None = None):
        self.disk = disk
        self.scratch = scratch
        self.base_dir = disk / "ply"
        self.store = self.base_dir / ROOT
        self.mock = mock or disk / "mock"
        self.rootdir = self.mock / ROOT / "root"
        self.view = scratch / "view"
        self.view.mkdir(exist_ok=True)
        self.report = scratch / "report"
        configuration = scratch / "config"
        configuration.mkdir(exist_ok=True)
        manager = scratch / "tiny-manager"
        if not manager.exists():
            shutil.copy(TOOLS / "tiny-root", manager)
        (configuration / "site-defaults.cfg").write_text("")
        (configuration / "tiny.cfg").write_text(
            f"config_opts['root'] = '{ROOT}'\n"
            "config_opts['target_arch'] = 'x86_64'\n"
            "config_opts['legal_host_arches'] = ('x86_64',)\n"
            "config_opts['package_manager'] = 'dnf4'\n"
            f"config_opts['dnf_command'] = '{manager}'\n"
            f"config_opts['dnf4_command'] = '{manager}'\n"
            "config_opts['dnf_warning'] = False\n"
            "config_opts['use_bootstrap'] = False\n"
            "config_opts['use_host_resolv'] = False\n"
            "config_opts['chroot_setup_cmd'] = 'install everything'\n"
            "config_opts['plugin_conf']['package_state_enable'] = False\n"
            "config_opts['plugin_conf']['root_cache_enable'] = False\n"
            "config_opts['plugin_conf']['yum_cache_enable'] = False\n"
            "config_opts['plugin_conf']['hw_info_enable'] = False\n"
            "config_opts['plugin_conf']['bind_mount_enable'] = False\n"
            "config_opts['dnf.conf'] = '[main]\\nreposdir=/dev/null\\n'\n"
            f"config_opts['basedir'] = '{self.mock}'\n"
            f"config_opts['cache_topdir'] = '{disk / 'cache'}'\n"
            f"config_opts['plugin_conf']['overlayfs_opts']['base_dir'] = '{self.base_dir}'\n")
        self.prefix = [PROGRAM, "--configdir", str(configuration), "-r", "tiny"]

    def run(self, *words: str, fault: tuple = ("none",)) -> Result:
        """Runs a command to its end, and that of everything that it has started."""
        command = [str(TOOLS / "fault-injector"), str(self.report), *map(str, fault), "--", *self.prefix, *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        lines = self.report.read_text().splitlines()
        stuck = next((line for line in lines if line.startswith("timeout")), "")
        return Result(done.returncode, done.stdout, done.stderr,
                      [line for line in lines if not line.startswith(("hit", "timeout"))], "hit 1" in lines, stuck)

    def ok(self, *words: str) -> Result:
        done = self.run(*words)
        assert done.code == 0 and not done.stuck, f"{words}: {done.code} {done.stuck}\n{done.stdout}{done.stderr}"
        return done

    def restore(self, template: Path | None):
        """The disk as the template has it; empty without one."""
        self.forget_mounts()
        for path in (self.base_dir, self.mock):
            if path.exists():
                shutil.rmtree(path)
        if template:
            subprocess.run(["cp", "-a", f"{template}/.", self.disk], check=True)

    def keep(self, template: Path):
        template.mkdir()
        for path in (self.base_dir, self.mock):
            if path.exists():
                subprocess.run(["cp", "-a", path, template], check=True)

    def forget_mounts(self):
        while os.path.ismount(self.rootdir):
            unmount(self.rootdir, MNT_DETACH)

    def is_mounted(self) -> bool:
        return os.path.ismount(self.rootdir)

    def what_a_user_sees(self, with_times: bool = True, heads: tuple | None = None) -> dict:
        """Snapshots, what is current, and all trees, as they would be mounted, of all heads or
        of those named."""
        if not (self.store / "store.db").exists():
            return {}
        self.ok("--list-snapshots")  # brings the database's file up to date after a kill: sqlite3 does not know the log
        rows = sqlite3.connect(f"file:{self.store / 'store.db'}?mode=ro", uri=True)
        try:
            if rows.execute("PRAGMA user_version").fetchone()[0] == 0:
                return {}
            layers = {id: (directory, parent) for id, directory, parent in rows.execute("SELECT id, directory, parent FROM layers")}
            mounted = layers | {id: (directory, below) for id, directory, below in rows.execute("SELECT layer, directory, below FROM covers")}
            refs = list(rows.execute("SELECT name, layer FROM refs ORDER BY sequence"))
            rows_of_heads = list(rows.execute("SELECT name, current, upper, upper_is_unused FROM heads ORDER BY name"))
        finally:
            rows.close()
        trees: dict[int, str] = {}

        def tree(layer: int) -> str:
            if layer not in trees:
                trees[layer] = self.digest_of_chain(layers, layer, with_times)
                as_mounted = self.digest_of_chain(mounted, layer, with_times)
                assert as_mounted == trees[layer], f"layer {layer} shows {as_mounted} through merged directories, and {trees[layer]} without"
            return trees[layer]

        seen = {"snapshots": [(name, tree(layer)) for name, layer in refs], "heads": {}}
        for name, current, upper, is_unused in rows_of_heads:
            if heads is not None and name not in heads:
                continue
            if is_unused and not (self.store / "layers" / layers[upper][0] / "work").exists():
                upper = None  # whoever enters makes its directory
            seen["heads"][name] = {"current": tree(current), "now": tree(upper or current),
                                   "named": [ref for ref, layer in refs if layer == current]}
        return seen

    def digest_of_chain(self, layers: dict, layer: int | None, with_times: bool) -> str:
        chain = []
        while layer is not None:
            directory, layer = layers[layer]
            chain.append(f"{self.store}/layers/{directory}/fs")
        if len(chain) == 1:
            return digest(Path(chain[0]), with_times)
        mount("overlay", self.view, "overlay", MS_RDONLY, "lowerdir=" + ":".join(chain))
        try:
            return digest(self.view, with_times)
        finally:
            unmount(self.view)
