"""Roots whose every path that plyroot or a package manager touches is a trap: nothing outside of a root is read, made or
changed, whatever lies in it, and no command hangs."""

import os
import select
import subprocess
from pathlib import Path

import pytest

from conftest import FULL, SECRET, mounts

# What plyroot itself, the package manager or a build touches in a root.
PATHS = [
    "etc", "etc/resolv.conf", "etc/hosts", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/dnf", "etc/dnf/dnf.conf",
    "etc/dnf/vars", "etc/yum.repos.d", "etc/rpm", "etc/pki/mock", "var/lib/rpm", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm",
    "var/lib/dnf", "var/lib/dnf/history.sqlite", "var/cache/dnf", "var/log", "var/log/dnf.log", "var/log/dnf.rpm.log", "var/tmp",
    "tmp", "dev", "proc", "sys", "dev/pts", "builddir", "builddir/build", "builddir/build/RPMS", "builddir/build/SRPMS",
    "builddir/build/SPECS", "builddir/build/SOURCES", "builddir/build/originals", "builddir/.rpmmacros", ".initialized",
    ".initializing", ".plyroot-srpm",
]
# What is mounted in a session lies on these.
COVERED = ("dev", "proc", "sys")

# How each is made, by a shell.
KINDS = {
    "absolute link": "ln -s {target} {place}",
    "relative link": "ln -s {upwards}{target} {place}",
    "circular link": "ln -s {name} {place}",
    "link into proc": "ln -s /proc/self/environ {place}",
    "link through proc": "ln -s /proc/1/root{target} {place}",
    "FIFO": "mkfifo -m 0666 {place}",
    "device": "mknod -m 0666 {place} c 1 7",
    "socket": "{probe} socket {place} > /dev/null",
    "directory": "mkdir -p {place}/below",
    "file": "echo a file > {place}",
}
OF_NO_USER = {"device"}

# A FIFO that somebody opens and waits at is a failure.
PATIENCE = {"timeout": 120}

TOUCHING = ["--plugin-option", "overlayfs:touch_rpmdb=True",
            "--plugin-option", "overlayfs:touch_files=['etc/*', 'etc/dnf/*', 'var/log/*', 'builddir/*', 'builddir/build/*']"]


class Trap:
    def __init__(self, path: str, kind: str, canary):
        self.path = path
        self.kind = kind
        name = Path(path).name
        # Where a directory is expected the canary has one, where a file is expected a file.
        looks_like_file = "." in name.lstrip(".") or name in ("passwd", "group", "shadow", "gshadow", "hosts", ".rpmmacros")
        self.target = canary.path / ("passwd" if looks_like_file else "directory")

    def script(self, probe: object = "/probe", root: str = "") -> str:
        """Puts it into a root: in there, or where that root is mounted."""
        place = f"{root}/{self.path}"
        made = KINDS[self.kind].format(place=place, name=Path(place).name, target=self.target, upwards=("../" * 30)[:-1], probe=probe)
        return f"mkdir -p $(dirname {place}); rm -rf --one-file-system {place}; {made}"

    def set(self, root, probe):
        """In a root that is mounted at a directory of the host."""
        subprocess.run(["sh", "-ec", self.script(probe, str(root.rootdir))], check=True)

    def state(self, root):
        place = root.rootdir / self.path
        return place.lstat().st_mode, os.readlink(place) if place.is_symlink() else None


def chosen(paths, kinds, share=6):
    """In CI each kind with a part of the paths; all of them in the full run."""
    return [(path, kind) for at, path in enumerate(paths) for number, kind in enumerate(kinds) if FULL or number % share == at % share]


def named(traps):
    return [pytest.param(path, kind, id=f"{path} is a {kind}") for path, kind in traps]


TRAPS = chosen(PATHS, KINDS)
# Commands with a package manager take a hundred times as long as others.
FEWER_TRAPS = TRAPS if FULL else TRAPS[::3]


@pytest.fixture(scope="module")
def files(initialized):
    """What is copied in."""
    place = initialized.disk / "files"
    (place / "tree").mkdir(parents=True)
    (place / "tree" / "file").write_text("copied in\n")
    return place


@pytest.fixture(scope="module")
def source_package(distribution):
    return next((distribution / "srpms").glob("noarch-tool-*.src.rpm"))


@pytest.fixture
def uninitialized(root):
    """A root whose packages are all there, and which is initialised anew by whoever enters it."""
    root.ok("--snapshot", "whole")
    root.sh("rm /.initialized")
    root.ok("--snapshot", "uninitialized")
    root.ok("--remove-snapshot", "postinit")
    yield root
    root.run("--orphanskill")
    root.run("--umount")
    root.ok("--rollback-to", "whole")
    root.run("--remove-snapshot", "postinit")
    root.ok("--snapshot", "postinit")


def trapped(root, trap, probe):
    """Puts a trap into a root, and keeps the root like that as a snapshot; the state of the trap."""
    root.ok("--mount")
    trap.set(root, probe)
    state = trap.state(root)
    root.ok("--umount")
    root.ok("--snapshot", "trapped")
    return state


def holds_secret(root, *others) -> bool:
    """Whether a file that was written since the first installation holds what nobody in the root may know."""
    layers = root.base_dir / root.root_name / "layers"
    first = min((name for name in os.listdir(layers) if any((layers / name / "fs").iterdir())), key=lambda name: int(name.split("-")[0]))
    searched = [layers / name for name in os.listdir(layers) if name != first]
    return subprocess.run(["grep", "-rqsI", "--devices=skip", SECRET, *searched, root.resultdir, *others]).returncode == 0


def run_past_traps(root, canary, command, *places):
    """Runs a command that may fail, but reads, makes and changes nothing outside of the root."""
    done = root.run(*command, env={**os.environ, "CANARY": SECRET}, **PATIENCE)
    assert SECRET not in done.stdout + done.stderr, command
    assert "Traceback" not in done.stderr and done.returncode >= 0, (command, done.stderr)
    canary.assert_untouched(command)
    assert not holds_secret(root, *places), command
    return done


@pytest.mark.parametrize("path, kind", named(TRAPS))
def test_a_trap_catches_nothing(root, canary, files, tmp_path, probe, path, kind):
    before = mounts(root.disk)
    trap = Trap(path, kind, canary)
    state = trapped(root, trap, probe)
    out = tmp_path / "out"
    out.mkdir()
    commands = [
        ["--chroot", "true"],
        ["--shell", "--", "true"],
        ["--copyin", files / "tree" / "file", f"/{path}"],
        ["--copyin", files / "tree", f"/{path}/planted"],
        ["--uniqueext", "other", "--chroot", "true"],
        [*TOUCHING, "--chroot", "true"],
        ["--init"],
        ["--clean"],
    ]
    if path.split("/")[0] not in COVERED:  # there the session has something of its own
        commands += [["--copyout", f"/{path}", out / "copy"], ["--copyout", f"/{path}/*", out]]
    for command in commands:
        run_past_traps(root, canary, command, out)
        # Nothing in a root keeps it from being given up.
        for head in ([], ["--uniqueext", "other"]):
            root.ok(*head, "--rollback-to", "trapped", **PATIENCE)
    run_past_traps(root, canary, [*TOUCHING, "--mount"])
    assert trap.state(root) == state, "the commands did not meet the trap"
    root.ok("--umount")
    assert mounts(root.disk) == before
    root.ok("--rollback-to", "postinit", **PATIENCE)
    assert root.ok("--chroot", "echo well", **PATIENCE) == "well\n"


@pytest.mark.parametrize("path, kind", named(FEWER_TRAPS))
def test_a_trap_catches_no_package_manager_and_no_build(root, canary, source_package, probe, path, kind):
    trapped(root, Trap(path, kind, canary), probe)
    for command in (["--install", "plyroot-hello"], ["--rebuild", source_package]):
        run_past_traps(root, canary, command)
        root.ok("--rollback-to", "trapped", **PATIENCE)


@pytest.mark.parametrize("path, kind", named(FEWER_TRAPS))
def test_a_trap_catches_no_first_installation(uninitialized, canary, probe, path, kind):
    """As in a root of an old configuration, or one whose mark a process has removed."""
    trapped(uninitialized, Trap(path, kind, canary), probe)
    run_past_traps(uninitialized, canary, ["--init"])


RACES = 1_000_000 if FULL else 300_000


@pytest.mark.parametrize("place", ["var/lib/rpm", "etc", "var/log", "builddir", "opt/place"])
def test_a_path_that_changes_while_it_is_walked_leads_nowhere(root, canary, files, tmp_path, probe, place):
    """A process in the root exchanges a directory for a link to the outside, and back, as often as it can."""
    root.ok("--copyin", probe, "/probe")
    # A directory of a lower layer could not be renamed.
    root.sh(f"mkdir -p /{place} && cp -a /{place} /{place}-new && rm -r /{place} && mv /{place}-new /{place} && "
            f"ln -s {canary.path / 'directory'} /{place}-link")
    racer = root.start_and_wait_for("swapping OK", "--chroot", "--", "/probe", "swap", f"/{place}", f"/{place}-link", str(RACES))
    rounds = 0
    while rounds == 0 or racer.poll() is None:
        for command in (*([["--install", "plyroot-hello"]] if rounds == 1 else []),
                        ["--copyin", files / "tree" / "file", f"/{place}/planted"],
                        ["--copyout", f"/{place}/passwd", tmp_path / f"out{rounds}"],
                        ["--copyout", f"/{place}", tmp_path / f"tree{rounds}"],
                        ["--uniqueext", "x", "--plugin-option", "overlayfs:touch_rpmdb=True", "--chroot", "true"]):
            done = root.run(*command, **PATIENCE)
            assert SECRET not in done.stdout + done.stderr, command
            canary.assert_untouched(command)
            assert rounds > 0 or command[0] == "--install" or racer.poll() is None, "nothing was raced with"
        rounds += 1
    assert f"swapped {RACES}" in racer.stdout.read()
    assert racer.wait() == 0
    canary.assert_untouched(place)
    for copy in tmp_path.glob("out*"):
        assert copy.is_symlink() or SECRET not in copy.read_text()
    assert not holds_secret(root)


@pytest.mark.parametrize("path", ["var/lib/rpm", "var/lib/dnf", "var/log/dnf.log"])
def test_a_link_that_would_lead_the_package_manager_out_is_named(root, canary, probe, path):
    trapped(root, Trap(path, "absolute link", canary), probe)
    assert f"/{path} in the build root is a link" in root.fails(20, "--install", "plyroot-hello")
    canary.assert_untouched("--install")
