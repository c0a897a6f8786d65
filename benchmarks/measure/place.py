"""Where it is measured: programs, configurations, and stores that are copies of one root's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import machine
from result import Command

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ROOT = "bench"  # the configurations' name


@dataclass
class Site:
    mounted: Path  # the measured file system
    log: Path
    distribution: Path
    rounds: int
    quick: bool
    peak_memory_kib: int = 0
    stores: dict[str, "RootStore"] = field(default_factory=dict)

    @property
    def program(self) -> Path:
        return self.mounted / "installed/bin/plyroot"

    @property
    def programs(self) -> Path:
        """What it is measured with, and against."""
        return self.mounted / "programs"

    def run(self, command: Command) -> None:
        machine.run(command, self.log)

    def install_programs(self) -> None:
        """A program that was copied starts faster than one that the linker has just written: the kernel keeps it in larger
        pieces. Users run what was installed; so are the floors and the empty programs."""
        build = REPOSITORY / "build"
        self.run(["cmake", "--install", str(build), "--prefix", str(self.mounted / "installed"), "--strip"])
        self.run(["cp", "-r", str(build / "bench"), str(self.programs)])

    def store(self, name: str) -> "RootStore":
        """A store with a root that stands at postinit: a copy of the first one's."""
        if name not in self.stores:
            store = RootStore(self, name)
            store.write_configuration()
            if self.stores:
                original = next(iter(self.stores.values()))
                self.run([*original.plyroot, "--clean", "--wait"])
                self.run(["cp", "-a", str(original.base_directory), str(store.base_directory)])
            self.stores[name] = store
        return self.stores[name]

    def drop_store(self, name: str) -> None:
        shutil.rmtree(self.stores.pop(name).directory)


class RootStore:
    """One configuration, with a store of its own."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.directory = site.mounted / name
        self.base_directory = self.directory / "store"
        self.root_directory = self.base_directory / ROOT
        self.database = self.root_directory / "store.db"
        self.configuration = self.directory / "bench.cfg"

    @property
    def plyroot(self) -> Command:
        configuration_directory = str(self.site.distribution / "mock")
        return [str(self.site.program), "--configdir", configuration_directory, "-r", str(self.configuration), "-q"]

    def write_configuration(self) -> None:
        """The test distribution's own configuration, with everything on the measured file system."""
        self.directory.mkdir()
        self.configuration.write_text(
            f"include('{self.site.distribution}/mock/plyroot-test.cfg')\n"
            f"config_opts['root'] = '{ROOT}'\n"
            f"config_opts['basedir'] = '{self.directory}/roots'\n"
            f"config_opts['cache_topdir'] = '{self.site.mounted}/cache'\n"
            f"config_opts['plugin_conf']['overlayfs_opts']['base_dir'] = '{self.base_directory}'\n",
            "utf-8",
        )

    def prepared(self, what: str, count: int, *more: str) -> Command:
        """bench-make-store, which brings the store into a state."""
        program = str(self.site.programs / "bench-make-store")
        return [program, str(self.base_directory), ROOT, what, str(count), *more]

    def run(self, *arguments: str) -> None:
        self.site.run([*self.plyroot, *arguments])

    def floor_session(self, uppers: int = 1) -> Command:
        """The floor program over the layers of the root as it was initialised; its upper is one of several."""
        layers = self.root_directory / "layers"
        lowers = [f"{layer.parent.name}/fs" for layer in sorted(layers.glob("*/fs")) if (layer / "usr").is_dir()]
        for i in range(uppers):
            for directory in ("upper", "work"):
                (self.root_directory / f"floor/{directory}-{i}").mkdir(parents=True, exist_ok=True)
        places = ["../floor/upper-{copy}", "../floor/work-{copy}"]
        return [str(self.site.programs / "bench-floor-session"), str(layers), *places, *lowers]
