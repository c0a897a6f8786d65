"""Roots whose every path that plyroot or a package manager touches is a trap: nothing outside of a root is read, made or
changed, whatever lies in it, and no command hangs."""

import os
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import FULL, SECRET, make_package, mounts

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
    "device": "mknod -m 0666 {place} c 1 {minor}",
    "socket": "{probe} socket {place} > /dev/null",
    "directory": "mkdir -p {place}/below",
    "file": "echo a file > {place}",
}
OF_NO_USER = {"device"}
# The root's own groupadd and useradd read these to their end, which /dev/full has none of: these are /dev/null.
READ_BY_ITS_PROGRAMS = {"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"}
SET = "the trap is set"

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
        made = KINDS[self.kind].format(place=place, name=Path(place).name, target=self.target, upwards=("../" * 30)[:-1], probe=probe,
                                       minor=3 if self.path in READ_BY_ITS_PROGRAMS else 7)
        return f"set -e; mkdir -p $(dirname {place}); rm -rf --one-file-system {place}; {made}; echo {SET} >&2"

    def set(self, root, probe):
        """In a root that is mounted at a directory of the host."""
        subprocess.run(["sh", "-c", self.script(probe, str(root.rootdir))], stderr=subprocess.DEVNULL, check=True)

    def state(self, root):
        place = root.rootdir / self.path
        return place.lstat().st_mode, os.readlink(place) if place.is_symlink() else None


def chosen(paths, kinds):
    """In CI each kind with a part of the paths; all of them in the full run."""
    return [(path, kind) for at, path in enumerate(paths) for number, kind in enumerate(kinds) if FULL or number % 6 == at % 6]


def fewer(traps, step):
    """A part of what CI runs. A step that divides the number of kinds would leave some of them out."""
    return traps if FULL else traps[::step]


def named(traps):
    return [pytest.param(path, kind, id=f"{path} is a {kind}") for path, kind in traps]


TRAPS = chosen(PATHS, KINDS)
# Commands with a package manager take a hundred times as long as others.
FEWER_TRAPS = fewer(TRAPS, 7)


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


DEEDS = {
    "list a directory": os.listdir,
    "open a file": lambda path: os.close(os.open(path / "file", os.O_RDONLY)),
    "open a directory below": lambda path: os.close(os.open(path / "directory" / "below", os.O_RDONLY)),
    "read a file": lambda path: (path / "directory" / "passwd").read_text(),
    "write a file": lambda path: (path / "passwd").write_text("changed"),
    "write nothing": lambda path: os.close(os.open(path / "passwd", os.O_WRONLY)),
    "make a file": lambda path: (path / "directory" / "new").touch(),
    "make a file that is removed again": lambda path: [getattr(path / "new", deed)() for deed in ("touch", "unlink")],
    "make a link": lambda path: (path / "directory" / "new").symlink_to("nowhere"),
    "remove a file": lambda path: (path / "directory" / "below" / "rpmdb.sqlite").unlink(),
    "rename a file": lambda path: (path / "file").rename(path / "directory" / "file"),
    "change a mode": lambda path: (path / "directory").chmod(0o700),
    "change an owner": lambda path: os.chown(path / "file", 1000, 1000),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_whoever_touches_the_canary_is_noticed(canary, deed):
    canary.assert_untouched("nobody")
    deed(canary.path)
    with pytest.raises(AssertionError, match="outside of the root"):
        canary.assert_untouched("somebody")


def trapped(root, trap, probe):
    """Puts a trap into a root, and keeps the root like that as a snapshot; the state of the trap."""
    root.ok("--mount")
    trap.set(root, probe)
    state = trap.state(root)
    root.ok("--umount")
    root.ok("--snapshot", "trapped")
    return state


def is_filled(layer) -> bool:
    try:
        return any((layer / "fs").iterdir())
    except FileNotFoundError:  # the background removed it since it was listed
        return False


def holds_secret(root, *others) -> bool:
    """Whether a file that was written since the first installation holds what nobody in the root may know."""
    layers = root.base_dir / root.root_name / "layers"
    first = min((name for name in os.listdir(layers) if is_filled(layers / name)), key=lambda name: int(name.split("-")[0], 16))
    searched = [layers / name for name in os.listdir(layers) if name != first]
    return subprocess.run(["grep", "-rqsI", "--devices=skip", SECRET, *searched, root.resultdir, *others]).returncode == 0


def run_past_traps(root, canary, command, *places, set_in_use=False):
    """Runs a command that may fail, but reads, makes and changes nothing outside of the root. Where a trap is set while
    the package manager has the file in use, that may look at what a link leads to (docs/sessions.md)."""
    done = root.run(*command, env={**os.environ, "CANARY": SECRET}, **PATIENCE)
    assert SECRET not in done.stdout + done.stderr, command
    assert "Traceback" not in done.stderr and done.returncode >= 0, (command, done.stderr)
    if set_in_use:
        canary.assert_unchanged(command)
    else:
        canary.assert_untouched(command)
    assert not holds_secret(root, *places), command
    return done


@pytest.mark.parametrize("path, kind", named(TRAPS))
def test_a_trap_catches_nothing(root, canary, files, tmp_path, probe, ran, path, kind):
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
    ran("traps", "sessions, copies, touching", traps=1, commands=len(commands) + 1)


@pytest.mark.parametrize("path, kind", named(FEWER_TRAPS))
def test_a_trap_catches_no_package_manager_and_no_build(root, canary, source_package, probe, ran, path, kind):
    trapped(root, Trap(path, kind, canary), probe)
    for command in (["--install", "plyroot-hello"], ["--rebuild", source_package]):
        run_past_traps(root, canary, command)
        root.ok("--rollback-to", "trapped", **PATIENCE)
    ran("traps", "install, rebuild", traps=1, commands=2)


@pytest.mark.parametrize("path, kind", named(FEWER_TRAPS))
def test_a_trap_catches_no_first_installation(uninitialized, canary, probe, ran, path, kind):
    """As in a root of an old configuration, or one whose mark a process has removed."""
    trapped(uninitialized, Trap(path, kind, canary), probe)
    run_past_traps(uninitialized, canary, ["--init"])
    ran("traps", "init", traps=1, commands=1)



def with_traps_to_come(root, trap, probe):
    """A root in which a program can put a trap where it wants, and a snapshot of it."""
    root.ok("--mount")
    shutil.copy2(probe, root.rootdir / "probe")
    (root.rootdir / "trap").write_text(trap.script())
    root.ok("--umount")
    root.ok("--snapshot", "armed")


@pytest.fixture(scope="module")
def trap_setting_package(initialized):
    return make_package(initialized.disk / "trap-setting-package", post="sh /trap")


# The package cache is mounted there while a package manager runs.
AFTER_PACKAGES = [path for path in PATHS if path.split("/")[0] not in COVERED and path != "var/cache/dnf"]


# A scriptlet can have the package manager that runs it wait, and a build its rpmbuild; by a FIFO, or as it likes.
WAITED_AT_BY_WHO_SETS_IT = [("var/lib/rpm/rpmdb.sqlite", "FIFO"), ("builddir/.rpmmacros", "FIFO")]


def set_by_others(paths, kinds):
    return [trap for trap in chosen(paths, kinds) if trap not in WAITED_AT_BY_WHO_SETS_IT]


@pytest.mark.parametrize("path, kind", named(fewer(set_by_others(AFTER_PACKAGES, KINDS), 7)))
def test_a_trap_that_a_package_of_the_first_installation_sets_catches_nothing(uninitialized, canary, trap_setting_package, probe, ran, path,
                                                                                 kind):
    with_traps_to_come(uninitialized, Trap(path, kind, canary), probe)
    options = {"chroot_setup_cmd": f"install {trap_setting_package}", "chroot_additional_packages": "plyroot-hello"}
    configured = [word for item in options.items() for word in ("--config-opts", "=".join(item))]
    run_past_traps(uninitialized, canary, [*configured, "--init"], set_in_use=path == "var/lib/rpm/rpmdb.sqlite")
    assert SET in (uninitialized.resultdir / "root.log").read_text()
    ran("traps", "init, set by a package", traps=1, commands=1)


# What a build can make of the places that packages are taken from, and of their names.
OF_A_BUILD = [f"builddir/{path}" for path in (
    ".rpmmacros", "build", "build/RPMS", "build/RPMS/trap-1-1.noarch.rpm", "build/SRPMS", "build/SRPMS/trap-1-1.src.rpm", "build/SPECS",
    "build/SOURCES", "build/originals", "build/BUILD", "build/BUILDROOT")]


@pytest.fixture(scope="module")
def trap_setting_source(initialized):
    return make_package(initialized.disk / "trap-setting-source", when_read="test ! -e /trap || sh /trap", what="-bs")


@pytest.mark.parametrize("path, kind", named(fewer(set_by_others(OF_A_BUILD, [kind for kind in KINDS if kind not in OF_NO_USER]), 4)))
def test_a_trap_that_a_build_sets_catches_nothing(root, canary, trap_setting_source, probe, ran, path, kind):
    with_traps_to_come(root, Trap(path, kind, canary), probe)
    run_past_traps(root, canary, ["--rebuild", trap_setting_source])
    assert SET in (root.resultdir / "build.log").read_text()
    ran("traps", "rebuild, set by the build", traps=1, commands=1)


RESULTS = ["root.log", "state.log", "build.log", "hw_info.log", "installed_pkgs.log", "noarch-tool-1.0-1.src.rpm",
           "noarch-tool-1.0-1.noarch.rpm"]


@pytest.mark.parametrize("kind", fewer(list(KINDS), 3))
def test_a_trap_among_the_results_catches_nothing(root, canary, source_package, tmp_path, probe, ran, kind):
    results = tmp_path / "results"
    for name in RESULTS:
        subprocess.run(["sh", "-c", Trap(name, kind, canary).script(probe, str(results))], stderr=subprocess.DEVNULL, check=True)
    done = run_past_traps(root, canary, ["--resultdir", results, "--rebuild", source_package])
    if kind == "directory":
        assert done.returncode != 0
    else:
        assert done.returncode == 0, done.stderr
        assert all((results / name).is_file() and not (results / name).is_symlink() for name in RESULTS)
    ran("traps", "rebuild, among the results", traps=len(RESULTS), commands=1)

RACES = 1_000_000 if FULL else 100_000


class Racer:
    """A process that exchanges a directory of a root for a link to the outside, and back, as often as it can."""

    def __init__(self, process, place):
        self.process = process
        self.place = place
        assert process.stdout.readline() == "swapping OK\n", process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def has_raced_enough(self) -> bool:
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def assert_racing(self, what):
        assert self.process.poll() is None, f"{what} was not raced with"

    def end(self) -> int:
        """How often it has exchanged them."""
        said = self.process.communicate(timeout=60)[0].splitlines()
        assert self.process.returncode == 0
        return int(said[-1].removeprefix("swapped "))


def prepare_race(root, canary, place):
    """A directory of a lower layer could not be renamed."""
    here = f"{root.rootdir}/{place}"
    subprocess.run(["sh", "-ec", f"mkdir -p {here}; cp -a {here} {here}-new; rm -r {here}; mv {here}-new {here}; "
                    f"ln -s {canary.path / 'directory'} {here}-link"], check=True)


PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def race_inside(root, canary, probe, place) -> Racer:
    """In a session, which the commands join."""
    root.ok("--mount")
    shutil.copy2(probe, root.rootdir / "probe")
    prepare_race(root, canary, place)
    root.ok("--umount")
    return Racer(subprocess.Popen(root.command("--chroot", "--", "/probe", "swap", f"/{place}", f"/{place}-link", str(RACES)), **PIPES), place)


def race_outside(root, canary, probe, place) -> Racer:
    """In the root where it is mounted on the host: sessions that begin meanwhile are of that same mount."""
    root.ok("--mount")
    prepare_race(root, canary, place)
    here = root.rootdir / place
    return Racer(subprocess.Popen([probe, "swap", here, f"{here}-link", str(RACES)], **PIPES), place)


def race(root, canary, racer, command, *places):
    """Runs a command that may fail, but neither reads, makes nor changes anything outside while its paths change."""
    done = root.run(*command, **PATIENCE)
    racer.assert_racing(command)
    assert SECRET not in done.stdout + done.stderr, command
    assert "Traceback" not in done.stderr and done.returncode >= 0, (command, done.stderr)
    if command[0] in BY_PACKAGE_MANAGERS:
        canary.assert_unchanged(command)
    else:
        canary.assert_untouched(command)
    assert not holds_secret(root, *places), command
    return done


# The host's package manager follows links as if they were the host's. What leads out at its start is refused; what leads
# out later it may read, but not change (docs/sessions.md).
BY_PACKAGE_MANAGERS = ("--install", "--init", "--rebuild")


@pytest.mark.parametrize("place", ["var/lib/rpm", "etc", "var/log", "builddir", "opt/place"])
def test_a_path_that_changes_while_it_is_walked_leads_nowhere(root, canary, files, tmp_path, probe, ran, place):
    out = tmp_path / "out"
    out.mkdir()
    with race_inside(root, canary, probe, place) as racer:
        race(root, canary, racer, ["--install", "plyroot-hello"])
        commands = 1
        while commands == 1 or not racer.has_raced_enough():
            for command in (["--copyin", files / "tree" / "file", f"/{place}/planted"],
                            ["--copyin", files / "tree", f"/{place}/tree{commands}"],
                            ["--copyout", f"/{place}/passwd", out / f"passwd{commands}"],
                            ["--copyout", f"/{place}/*", out],
                            ["--copyout", f"/{place}", out / f"tree{commands}"]):
                race(root, canary, racer, command, out)
                commands += 1
        swaps = racer.end()
    assert swaps >= RACES
    ran("races", "copyin, copyout, install", commands=commands, swaps=swaps)


@pytest.mark.parametrize("place", ["var/lib/rpm", "etc", "builddir", "dev", "proc"])
def test_a_path_that_changes_while_a_session_begins_leads_nowhere(root, canary, probe, ran, place):
    """Then the file systems of the session are mounted, and the files of the configuration touched."""
    with race_outside(root, canary, probe, place) as racer:
        before = mounts(root.disk)
        commands = 0
        while commands == 0 or not racer.has_raced_enough():
            race(root, canary, racer, [*TOUCHING, "--chroot", "true"])
            assert mounts(root.disk) == before
            commands += 1
        swaps = racer.end()
    assert swaps >= RACES
    ran("races", "touch_rpmdb, touch_files", commands=commands, swaps=swaps)


@pytest.mark.parametrize("place", ["var/lib/rpm", "etc", "etc/dnf", "builddir"])
def test_a_path_that_changes_while_a_root_is_initialised_leads_nowhere(uninitialized, canary, probe, ran, place):
    with race_outside(uninitialized, canary, probe, place) as racer:
        commands = 0
        while commands == 0 or FULL and not racer.has_raced_enough():
            race(uninitialized, canary, racer, ["--init", "--no-clean"])
            commands += 1
        swaps = racer.end()
    assert swaps > 0
    ran("races", "init", commands=commands, swaps=swaps)


@pytest.mark.parametrize("path", ["var/lib/rpm", "var/lib/dnf", "var/log/dnf.log"])
def test_a_link_that_would_lead_the_package_manager_out_is_named(root, canary, probe, path):
    trapped(root, Trap(path, "absolute link", canary), probe)
    assert f"/{path} in the build root is a link" in root.fails(20, "--install", "plyroot-hello")
    canary.assert_untouched("--install")
