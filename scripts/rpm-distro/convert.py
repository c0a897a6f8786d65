"""From a .deb to an .rpm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import filesystem
import packages
import tree as trees
from cache import Cache, digest
from deb import Control, read_control
from names import names_of_files
from rpmbuild import FIXED_TIME, rpmbuild
from spec import Spec
from tools import MakerError

_HERE = Path(__file__).resolve().parent
# A change of how packages are converted converts all of them again; a change of packages.py only those it names.
_CONVERTER = tuple(
    _HERE / name for name in ("convert.py", "deb.py", "filesystem.py", "names.py", "rpmbuild.py", "spec.py", "tree.py")
)

# The tree stands already: nothing is built, stripped or compressed, and nothing is checked against it.
_ONLY_PACKAGE = {
    "__spec_install_pre": "%{nil}",
    "__spec_install_post": "%{nil}",
    "__check_files": "%{nil}",
    "_build_id_links": "none",
    "debug_package": "%{nil}",
    "_binaries_in_noarch_packages_terminate_build": "0",
    # These start a program for each file; see names.py.
    "__perl_provides": "%{nil}",
    "__perllib_provides": "%{nil}",
    "__pkgconfig_provides": "%{nil}",
    "__pythondist_provides": "%{nil}",
    # Plugins that nobody links to.
    "__provides_exclude_from": "/(gconv|perl|perl5|perl-base|lib-dynload|security)/",
}


@dataclass(frozen=True)
class Recipe:
    """All that goes into one RPM: two equal recipes make equal packages."""

    control: Control
    deb: Path
    requires: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.control.name

    def key(self) -> str:
        data = [packages.LINKS, packages.COPIES, packages.PROVIDES, packages.SCRIPTLETS, packages.EDITS]
        overlays = trees.overlay_files(self.name)
        return digest(
            [
                *_CONVERTER,
                self.deb.name,
                repr(self.requires),
                repr([part.get(self.name) for part in data]),
                repr(packages.DROPPED),
                repr([str(path) for path in overlays]),
                *overlays,
            ]
        )


@dataclass(frozen=True)
class Closure:
    """The names that the distribution's packages have and provide."""

    names: frozenset[str]
    providers: Mapping[str, str]

    @classmethod
    def of(cls, controls: Iterable[Control]) -> Closure:
        ordered = sorted(controls, key=lambda control: control.name)
        providers: dict[str, str] = {}
        for control in ordered:
            for name in control.provides:
                providers.setdefault(name, control.name)
        return cls(frozenset(control.name for control in ordered), providers)

    def choose(self, alternatives: Sequence[str]) -> str | None:
        """The first alternative that is there; None for one that the distribution does without on purpose."""
        for name in alternatives:
            if name in packages.LEFT_OUT:
                return None
            if name in self.names:
                return name
            if name in self.providers:
                return self.providers[name]
        raise MakerError("resolving dependencies", f"nothing in the closure is any of: {', '.join(alternatives)}")

    def requires_of(self, control: Control) -> tuple[str, ...]:
        chosen = (self.choose(alternatives) for alternatives in control.depends)
        return tuple(dict.fromkeys(name for name in chosen if name and name != control.name))


def plan(debs: Sequence[Path]) -> list[Recipe]:
    """What each package becomes; the biggest first, so that the last to end is a small one."""
    controls = {deb: read_control(deb) for deb in debs}
    closure = Closure.of(controls.values())
    return [
        Recipe(controls[deb], deb, closure.requires_of(controls[deb]))
        for deb in sorted(debs, key=lambda deb: deb.stat().st_size, reverse=True)
        if controls[deb].name not in packages.LEFT_OUT
    ]


def convert(recipe: Recipe, cache: Cache) -> list[Path]:
    """The recipe's RPM, out of the cache where it is there."""

    def make(output: Path, scratch: Path) -> None:
        root = scratch / "root"
        root.mkdir()
        tree = trees.unpack(recipe.deb, root)
        trees.finish(tree, recipe.name)
        _package(_spec_of(recipe, tree), root, output, scratch, tree.newest)

    return cache.get(recipe.key(), make)


def _spec_of(recipe: Recipe, tree: trees.Tree) -> Spec:
    control = recipe.control
    entries = [tree.entries[path] for path in sorted(tree.entries)]
    provides = [
        *packages.PROVIDES.get(recipe.name, ()),
        *control.provides,
        *names_of_files(entry.path for entry in entries),
        *tree.former_paths,
    ]
    return Spec(
        name=recipe.name,
        version=control.version,
        summary=control.summary,
        noarch=control.is_noarch,
        requires=recipe.requires,
        provides=tuple(name for name in dict.fromkeys(provides) if name != recipe.name),
        scriptlets=packages.SCRIPTLETS.get(recipe.name, ""),
        entries=entries,
    )


def filesystem_key(base_passwd: Path) -> str:
    return digest([*_CONVERTER, filesystem.NAME, base_passwd.name])


def make_filesystem(base_passwd: Path, cache: Cache) -> list[Path]:
    """The RPM of `filesystem`, which is no Debian package."""

    def make(output: Path, scratch: Path) -> None:
        root = scratch / "root"
        root.mkdir()
        masters = filesystem.read_masters(base_passwd)
        entries = filesystem.write_tree(root, masters)
        _package(filesystem.spec(entries, masters), root, output, scratch)

    return cache.get(filesystem_key(base_passwd), make)


def _package(spec: Spec, root: Path, output: Path, scratch: Path, time: int = FIXED_TIME) -> None:
    file = scratch / f"{spec.name}.spec"
    file.write_text(spec.render())
    arguments = ("--buildroot", str(root))
    rpmbuild("-bb", file, output=output, scratch=scratch, defines=_ONLY_PACKAGE, arguments=arguments, time=time)
