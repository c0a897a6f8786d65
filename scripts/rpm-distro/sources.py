"""The packages that are made by hand for tests: their spec files and sources are below `sources/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cache import Cache, digest
from rpmbuild import rpmbuild

_HERE = Path(__file__).resolve().parent
_SOURCES = _HERE / "sources"


@dataclass(frozen=True)
class TestPackage:
    """A directory below sources/ with a spec file of the same name."""

    __test__ = False  # not a test of pytest's

    name: str
    mode: str  # rpmbuild's: -bb or -bs
    version: str = "1.0"

    @property
    def directory(self) -> Path:
        return _SOURCES / self.name

    def key(self) -> str:
        files = sorted(path for path in self.directory.rglob("*") if path.is_file())
        return digest([_HERE / "rpmbuild.py", repr(self), *(path.name for path in files), *files])

    def make(self, cache: Cache) -> list[Path]:
        def build(output: Path, scratch: Path) -> None:
            rpmbuild(
                self.mode,
                self.directory / f"{self.name}.spec",
                output=output,
                scratch=scratch,
                defines={"_sourcedir": str(self.directory), "test_package_version": self.version},
            )

        return cache.get(self.key(), build)


IN_REPOSITORY = (
    TestPackage("plyroot-hello", "-bb"),
    TestPackage("plyroot-failing-post", "-bb"),
    TestPackage("plyroot-failing-pre", "-bb"),
)
IN_UPDATES = (TestPackage("plyroot-hello", "-bb", "2.0"),)
SOURCE_PACKAGES = (
    TestPackage("hello-c", "-bs"),
    TestPackage("failing-check", "-bs"),
    TestPackage("missing-buildrequires", "-bs"),
    TestPackage("noarch-tool", "-bs"),
)
