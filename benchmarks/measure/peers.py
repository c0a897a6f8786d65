"""Programs of the distribution that do something of the same kind, each on the same root tree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from clock import measure
from machine import output_of
from place import Site
from result import BenchError, Command, Row, Section

ENTER, SNAPSHOT = "enter, run /bin/true", "keep a change"
SCHROOT_FILE = Path("/etc/schroot/chroot.d/plyroot-bench")


@dataclass
class Peer:
    """A program, and how it does what plyroot does."""

    name: str
    program: str  # in PATH, where it is installed
    rows: Callable[[Peer, Workplace], list[Row]]


class Workplace:
    """A plain directory with the root's files, and room for what the peers keep."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.directory = site.mounted / "peers"
        self.root = self.directory / "root"
        self.directory.mkdir()
        store = site.store("enter")
        layer = next(layer for layer in store.root_directory.glob("layers/*/fs") if (layer / "usr").is_dir())
        site.run(["cp", "-a", str(layer), str(self.root)])
        for name in ("proc", "sys", "dev"):
            (self.root / name).mkdir(exist_ok=True)
        self.clean_up = ExitStack()

    def directory_of(self, peer: Peer) -> Path:
        directory = self.directory / peer.name
        directory.mkdir(exist_ok=True)
        return directory


def peers(site: Site) -> Section:
    section = Section("peers", "Peers on the same root")
    store = site.store("enter")
    ply = store.plyroot
    enter, change = [*ply, "--chroot", "--", "/bin/true"], [*ply, "--chroot", "--", "/usr/bin/touch", "/changed"]
    take, drop = [*ply, "--snapshot", "peer-{round}"], [*ply, "--remove-snapshot", "peer-{round}"]
    back = [*ply, "--rollback-to", "postinit"]
    rows = [
        Row("floor of a session", "floor_session.cpp", store.floor_session()),
        Row(f"plyroot: {ENTER}", "the root was used a moment ago", enter, before=[enter]),
        Row(f"plyroot: {ENTER} in a new layer", "", enter, before=[[*ply, "--clean"]]),
        Row(f"plyroot: {SNAPSHOT}", "--snapshot", take, before=[change], after=[back, drop]),
    ]
    workplace = Workplace(site)
    with workplace.clean_up:
        for peer in PEERS:
            rows += rows_that_work(section, peer, workplace)
        for row in rows[1:]:
            row.floor = rows[0].name if ENTER in row.name else None
        measure(site, section, rows, rounds=5 if site.quick else None, warm_up=1)
    shutil.rmtree(workplace.directory, ignore_errors=True)
    return section


def rows_that_work(section: Section, peer: Peer, workplace: Workplace) -> list[Row]:
    if not shutil.which(peer.program):
        section.notes.append(f"{peer.name} is not installed")
        return []
    try:
        rows = peer.rows(peer, workplace)
    except BenchError as error:
        section.notes.append(f"{peer.name} does not run here: {one_line(error)}")
        return []
    working = []
    for row in rows:
        try:
            for command in [*row.before, row.command, *row.after]:
                output_of([word.replace("{round}", "try") for word in command])
            working.append(row)
        except BenchError as error:
            section.notes.append(f"{row.name} does not run here: {one_line(error)}")
    return working


def one_line(error: BenchError) -> str:
    return " / ".join(line.strip() for line in str(error).splitlines() if line.strip())[-400:]


def row(peer: Peer, action: str, what: str, command: Command, **more: object) -> Row:
    return Row(f"{peer.name}: {action}", what, command, **more)


def bubblewrap(peer: Peer, place: Workplace) -> list[Row]:
    command = [
        "/usr/bin/bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--bind", str(place.root), "/",
        "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys", "/bin/true",
    ]  # fmt: skip
    return [row(peer, ENTER, "no overlay: the tree itself", command)]


def schroot(peer: Peer, place: Workplace) -> list[Row]:
    union = place.directory_of(peer)
    for name in ("upper", "snapshot"):
        (union / name).mkdir()
    SCHROOT_FILE.write_text(
        "".join(
            f"[plyroot-bench-{name}]\ntype=directory\ndirectory={place.root}\nusers=root\nroot-users=root\nprofile=minimal\n{more}\n"
            for name, more in {
                "directory": "union-type=none",
                "overlay": f"union-type=overlay\nunion-overlay-directory={union}/upper\nunion-underlay-directory={union}/snapshot",
            }.items()
        ),
        "utf-8",
    )  # fmt: skip
    place.clean_up.callback(SCHROOT_FILE.unlink)
    place.clean_up.callback(end_sessions_of_schroot)  # before that: those of a run that was ended

    def enter(kind: str) -> Command:
        return ["/usr/bin/schroot", "-q", "-c", f"plyroot-bench-{kind}", "-d", "/", "-u", "root", "--", "/bin/true"]

    return [
        row(peer, f"{ENTER} (directory)", "no namespaces", enter("directory")),
        row(peer, f"{ENTER} (overlay union)", "no namespaces; a new upper", enter("overlay")),
    ]


def end_sessions_of_schroot() -> None:
    for session in output_of(["/usr/bin/schroot", "--list", "--all-sessions"]).split():
        if "plyroot-bench" in session:
            output_of(["/usr/bin/schroot", "--end-session", "--force", "--chroot", session])


def nspawn(peer: Peer, place: Workplace) -> list[Row]:
    command = [
        "/usr/bin/systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--volatile=overlay",
        f"--directory={place.root}", "--pipe", "/bin/true",
    ]  # fmt: skip
    return [row(peer, f"{ENTER} (--volatile=overlay)", "a new upper in a tmpfs", command)]


def containers(program: str, place: Workplace, peer: Peer) -> Command:
    storage = place.directory_of(peer)
    return [program, "--root", f"{storage}/storage", "--runroot", f"{storage}/run", "--storage-driver", "overlay"]


def podman(peer: Peer, place: Workplace) -> list[Row]:
    tool = [*containers("/usr/bin/podman", place, peer), "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
    if runc := shutil.which("runc"):  # crun refuses hosts with both kinds of cgroups
        tool += ["--runtime", runc]
    # What it would raise the limits to is more than a container's root may.
    run = ["run", "--network", "none", "--log-driver", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    on_tree = ["--rootfs", f"{place.root}:O"]
    container = "bench-{round}"
    return [
        row(peer, f"{ENTER} (--rootfs DIR:O)", "a new upper", [*tool, *run, "--rm", *on_tree, "/bin/true"]),
        row(
            peer, f"{SNAPSHOT} (commit)", "of a container on an image of the root", [*tool, "commit", "--quiet", container, "localhost/kept-{round}"],
            before=[[*tool, *run, "--name", container, image_of_root(tool, place), "/usr/bin/touch", "/changed"]],
            after=[[*tool, "rm", "--force", container], [*tool, "rmi", "--force", "localhost/kept-{round}"]],
        ),
    ]  # fmt: skip


def image_of_root(tool: Command, place: Workplace) -> str:
    """Has podman take the root in as an image, once."""
    archive = place.directory / "root.tar"
    if not archive.exists():
        place.site.run(["tar", "-C", str(place.root), "-cf", str(archive), "."])
    output_of([*tool, "import", "--quiet", str(archive), "localhost/bench-root"])
    return "localhost/bench-root"


def buildah(peer: Peer, place: Workplace) -> list[Row]:
    tool = containers("/usr/bin/buildah", place, peer)
    output_of([*tool, "from", "--name", "bench", "scratch"])
    output_of([*tool, "add", "--quiet", "bench", str(place.root), "/"])
    output_of([*tool, "commit", "--quiet", "bench", "localhost/bench-root"])
    output_of([*tool, "from", "--name", "bench-run", "localhost/bench-root"])
    run = [*tool, "run", "--isolation", "chroot", "bench-run", "--"]
    return [
        row(peer, f"{ENTER} (run --isolation chroot)", "a working container that is there", [*run, "/bin/true"]),
        row(
            peer, f"{SNAPSHOT} (commit)", "of a working container", [*tool, "commit", "--quiet", "bench-run", "localhost/kept-{round}"],
            before=[[*run, "/usr/bin/touch", "/changed"]], after=[[*tool, "rmi", "--force", "localhost/kept-{round}"]],
        ),
    ]  # fmt: skip


def mock(peer: Peer, place: Workplace) -> list[Row]:
    """mock takes plyroot's own command line; it gets a copy of the configuration, with a base_dir of its own."""
    directory = place.directory_of(peer)
    configuration = directory / "bench.cfg"
    text = place.site.store("enter").configuration.read_text("utf-8")
    own = {"basedir": "roots", "cache_topdir": "cache"}
    text += "".join(f"config_opts['{name}'] = '{directory}/{value}'\n" for name, value in own.items())
    text += "config_opts['use_bootstrap'] = False\nconfig_opts['plugin_conf']['overlayfs_enable'] = True\n"
    text += f"config_opts['plugin_conf']['overlayfs_opts']['base_dir'] = '{directory}/store'\n"
    configuration.write_text(text, "utf-8")
    command = [
        shutil.which(peer.program), "--configdir", str(place.site.distribution / "mock"), "-r", str(configuration), "-q",
        "--isolation=simple", "--enable-plugin=overlayfs",
    ]  # fmt: skip
    output_of([*command, "--init"])
    take, drop = [*command, "--snapshot", "kept-{round}"], [*command, "--remove-snapshot", "kept-{round}"]
    back = [*command, "--rollback-to", "postinit"]
    change = [*command, "--chroot", "--", "/usr/bin/touch", "/changed"]
    return [
        row(peer, ENTER, "", [*command, "--chroot", "--", "/bin/true"]),
        row(peer, SNAPSHOT, "--snapshot", take, before=[change], after=[back, drop]),
        row(peer, "--list-snapshots", "", [*command, "--list-snapshots"]),
        row(peer, "--rollback-to", "", back, before=[change]),
        row(peer, "--clean", "", [*command, "--clean"], before=[change]),
    ]


PEERS = [
    Peer("bubblewrap", "bwrap", bubblewrap),
    Peer("schroot", "schroot", schroot),
    Peer("systemd-nspawn", "systemd-nspawn", nspawn),
    Peer("podman", "podman", podman),
    Peer("buildah", "buildah", buildah),
    Peer("mock", "mock", mock),
]
