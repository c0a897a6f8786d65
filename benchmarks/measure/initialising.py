"""Initialising a root: from the snapshot that is there, and for the first time."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from clock import measure
from machine import output_of
from place import RootStore, Site
from result import Bar, BenchError, Command, Row, Section

AGAIN_BAR, FIRST_BAR = 4, 1.05
FIRST_ROUNDS = 3
BARE = "the bare package manager"


def from_postinit(site: Site) -> Section:
    section = Section("init", "Initialising from the snapshot postinit")
    ply = site.store("init").plyroot
    enter = [*ply, "--chroot", "--", "/bin/true"]
    init = [*ply, "--init"]
    bar = Bar(AGAIN_BAR, without="--chroot -- /bin/true")
    rows = [
        Row("--chroot -- /bin/true", "the root was used a moment ago", enter, before=[enter]),
        Row("--init", "in a root that was used: cleans it, enters it", init, bar=bar, before=[enter]),
        Row("--init, cleaned root", "", init, bar=bar, before=[[*ply, "--clean"]]),
    ]
    measure(site, section, rows)
    return section


def first_time(site: Site) -> Section:
    section = Section("first-init", "Initialising for the first time")
    store = site.store("first")
    bare = BarePackageManager(store)
    scrub = [*store.plyroot, "--scrub", "overlayfs", "--wait"]
    rows = [
        Row(BARE, bare.description, bare.command, before=bare.preparation),
        Row("--init, nothing there", "the same packages; on the disk when it returns", [*store.plyroot, "--init"], bar=Bar(FIRST_BAR, against=BARE), floor=BARE, before=[scrub], background="wait"),
        Row(f"{BARE}, then sync", "what it costs it to be on the disk", ["/bin/sh", "-c", f'"$@" && sync -f {store.directory}', "sh", *bare.command], before=bare.preparation),
    ]  # fmt: skip
    measure(site, section, rows, rounds=1 if site.quick else FIRST_ROUNDS, warm_up=1)
    shutil.rmtree(bare.root)
    return section


class BarePackageManager:
    """What plyroot has the package manager do, without plyroot: the same command, taken from its own trace, on an empty
    directory with the same configuration and the same cached metadata."""

    def __init__(self, store: RootStore) -> None:
        self.root = store.directory / "bare"
        cache = store.site.mounted / "cache/bench/dnf_cache"
        home = store.directory / "home"
        home.mkdir()
        # A host whose rpm keeps its database elsewhere (Debian) has to be told.
        (home / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n", "utf-8")
        store.run("--scrub", "overlayfs", "--wait")
        traced = output_of([*store.plyroot[:-1], "--trace", "--init"])
        self.command: Command = ["/usr/bin/env", f"HOME={home}", *self._command_in(traced)]
        configuration = store.directory / "dnf.conf"
        shutil.copy(self._configuration_in(store), configuration)
        self.description = " ".join(shlex.quote(word) for word in self._command_in(traced)).replace(str(self.root), "DIR")
        self.preparation: list[Command] = [
            ["/bin/rm", "-rf", "--one-file-system", str(self.root)],
            ["/bin/mkdir", "-p", f"{self.root}/etc/dnf", f"{self.root}/var/cache"],
            ["/bin/cp", str(configuration), f"{self.root}/etc/dnf/dnf.conf"],
            ["/bin/cp", "-a", str(cache), f"{self.root}/var/cache/dnf"],
        ]

    def _command_in(self, trace: str) -> Command:
        found = re.search(r"Executing command: (.*--installroot .* install .*)", trace)
        if not found:
            raise BenchError("plyroot --trace --init does not say what it has the package manager do")
        words = shlex.split(found[1])
        words[words.index("--installroot") + 1] = str(self.root)
        return words

    @staticmethod
    def _configuration_in(store: RootStore) -> Path:
        return next(store.root_directory.glob("layers/*/fs/etc/dnf/dnf.conf"))
