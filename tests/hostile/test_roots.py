"""Roots whose every path that plyroot or a package manager touches is a trap: nothing outside of a root is read, made or
changed, whatever lies in it, and no command hangs."""

import os
import socket
import subprocess

import pytest

from conftest import FULL, SECRET, mounts

# What plyroot itself, the package manager or a build touches in a root.
PATHS = [
    "etc", "etc/resolv.conf", "etc/hosts", "etc/passwd", "etc/group", "etc/shadow", "etc/dnf", "etc/dnf/dnf.conf", "etc/dnf/vars",
    "etc/yum.repos.d", "etc/pki/mock", "var/lib/rpm", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm", "var/lib/dnf",
    "var/lib/dnf/history.sqlite", "var/cache/dnf", "var/log", "var/log/dnf.log", "var/tmp", "tmp", "dev", "proc", "sys", "dev/pts",
    "builddir", "builddir/build", "builddir/build/SRPMS", "builddir/build/originals", "builddir/.rpmmacros", ".initialized",
    ".plyroot-srpm",
]
KINDS = ["absolute link", "relative link", "circular link", "link into proc", "FIFO", "device", "socket", "directory", "file"]

# A FIFO that somebody opens and waits at is a failure.
PATIENCE = {"timeout": 120}


def set_trap(root_directory, path, kind, canary):
    """Puts a trap in a root that is mounted at a directory of the host."""
    place = root_directory / path
    place.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["rm", "-rf", "--one-file-system", place], check=True)
    # Where a directory is expected the canary has one, where a file is expected a file.
    looks_like_file = "." in place.name.lstrip(".") or place.name in ("passwd", "group", "shadow", "hosts", ".initialized", ".rpmmacros")
    target = canary.path / ("passwd" if looks_like_file else "directory")
    match kind:
        case "absolute link":
            place.symlink_to(target)
        case "relative link":
            place.symlink_to("../" * 30 + str(target).lstrip("/"))
        case "circular link":
            place.symlink_to(place.name)
        case "link into proc":
            place.symlink_to("/proc/1/environ" if looks_like_file else "/proc/1")
        case "FIFO":
            os.mkfifo(place, 0o666)
        case "device":
            os.mknod(place, 0o020666, os.makedev(1, 7))
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                directory = os.open(place.parent, os.O_PATH)
                listener.bind(f"/proc/self/fd/{directory}/{place.name}")
                os.close(directory)
        case "directory":
            (place / "below").mkdir(parents=True)
        case "file":
            place.write_text("a file\n")


def traps():
    """In CI each kind with a sixth of the paths; all of them in the full run."""
    for at, path in enumerate(PATHS):
        for number, kind in enumerate(KINDS):
            if FULL or number % 6 == at % 6:
                yield pytest.param(path, kind, at % 3 == 0 or FULL, id=f"{path} is a {kind}")


@pytest.fixture(scope="module")
def files(initialized):
    """What is copied in, and where copies go."""
    place = initialized.disk / "files"
    (place / "tree").mkdir(parents=True)
    (place / "tree" / "file").write_text("copied in\n")
    return place


@pytest.fixture(scope="module")
def source_package(distribution):
    return next((distribution / "srpms").glob("noarch-tool-*.src.rpm"))


@pytest.fixture
def prey(root, canary):
    """A root that is mounted for traps to be put into it, and used afterwards."""
    root.ok("--mount")
    yield root
    root.run("--orphanskill")
    root.run("--umount")


def holds_secret(root) -> bool:
    """Whether a file that was written since the first installation holds what nobody in the root may know."""
    layers = root.base_dir / root.root_name / "layers"
    first = min((name for name in os.listdir(layers) if any((layers / name / "fs").iterdir())), key=lambda name: int(name.split("-")[0]))
    searched = [layers / name for name in os.listdir(layers) if name != first]
    return subprocess.run(["grep", "-rqsI", "--devices=skip", SECRET, *searched]).returncode == 0


@pytest.mark.parametrize("path, kind, with_packages", traps())
def test_a_trap_catches_nothing(prey, canary, files, source_package, tmp_path, path, kind, with_packages):
    set_trap(prey.rootdir, path, kind, canary)
    prey.ok("--umount")
    before = mounts(prey.disk)
    environment = {**os.environ, "CANARY": SECRET}
    commands = [
        ["--chroot", "true"],
        ["--shell", "--", "true"],
        ["--copyin", files / "tree" / "file", f"/{path}"],
        *([["--copyout", f"/{path}", tmp_path / "out"]] if path.split("/")[0] not in ("proc", "sys", "dev") else []),
        ["--uniqueext", "other", "--chroot", "true"],
        ["--plugin-option", "overlayfs:touch_rpmdb=True", "--plugin-option", "overlayfs:touch_files=['etc/*', 'builddir/*']", "--mount"],
        ["--umount"],
    ]
    if with_packages:
        commands += [
            ["--install", "plyroot-hello"],
            ["--init"],
            ["--rebuild", source_package],
        ]
    for command in commands:
        done = prey.run(*command, env=environment, **PATIENCE)
        assert SECRET not in done.stdout + done.stderr, command
        assert "Traceback" not in done.stderr and done.returncode >= 0, (command, done.stderr)
        canary.assert_untouched(command)
    assert not holds_secret(prey)
    assert mounts(prey.disk) == before
    # Nothing in a root keeps it from being given up.
    prey.ok("--rollback-to", "postinit", **PATIENCE)
    assert prey.ok("--chroot", "echo well", **PATIENCE) == "well\n"


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


def test_the_first_installation_of_a_root_is_not_led_out_either(empty, canary):
    """What a root holds that was never initialised, as one of an old configuration: the traps are there before init."""
    empty.ok("--mount")
    for path in ("var/lib/rpm", "var/lib/dnf", "var/log", "etc/dnf", "etc/yum.repos.d", "builddir"):
        set_trap(empty.rootdir, path, "absolute link", canary)
    empty.ok("--umount")
    done = empty.run("--init", timeout=300)
    assert SECRET not in done.stdout + done.stderr
    canary.assert_untouched("--init")


@pytest.mark.parametrize("path", ["var/lib/rpm", "var/lib/dnf", "var/log/dnf.log"])
def test_a_link_that_would_lead_the_package_manager_out_is_named(prey, canary, path):
    set_trap(prey.rootdir, path, "absolute link", canary)
    prey.ok("--umount")
    assert f"/{path} in the build root is a link" in prey.fails(20, "--install", "plyroot-hello")
    canary.assert_untouched("--install")
