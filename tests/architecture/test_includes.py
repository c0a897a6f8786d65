"""The house's rule: a module uses what its CMake target lists, nothing else."""

import os
import re
from pathlib import Path

SOURCE = Path(os.environ["PLYROOT_SOURCE"])
INCLUDE = re.compile(r'^\s*#include "([a-z_]+)/[^"]+"', re.MULTILINE)
# The public headers belong to the module that implements them.
PUBLIC_HEADERS = {"plyroot": "store"}


def declared_uses() -> dict[str, set[str]]:
    """What each module may include: the modules its target names, and what those may."""
    direct = {}
    for line in Path(os.environ["PLYROOT_MODULES"]).read_text().splitlines():
        name, _, uses = line.partition(":")
        direct[name] = set(filter(None, uses.strip().split(";")))
    closed = {}

    def close(name: str) -> set[str]:
        if name not in closed:
            closed[name] = direct[name].union(*(close(used) for used in direct[name]))
        return closed[name]

    for name in direct:
        close(name)
    return closed


def included_modules(module: Path) -> dict[str, Path]:
    found = {}
    for file in sorted(module.rglob("*.[ch]pp")):
        for name in INCLUDE.findall(file.read_text()):
            found.setdefault(PUBLIC_HEADERS.get(name, name), file)
    return found


def test_every_module_includes_only_what_its_target_uses():
    uses = declared_uses()
    assert {"support", "linux", "overlay", "store", "config", "buildroot", "packages", "builds"} <= set(uses)
    wrong = []
    for module, allowed in uses.items():
        for name, file in included_modules(SOURCE / "src" / module).items():
            if name != module and name not in allowed:
                wrong.append(f"{file.relative_to(SOURCE)} includes {name}/, which {module} does not use")
    assert not wrong, "\n".join(wrong)


def test_nothing_includes_the_command_line_but_itself():
    for module in declared_uses():
        assert "cli" not in included_modules(SOURCE / "src" / module), module


def test_the_picture_shows_every_module():
    picture = (SOURCE / "docs" / "architecture.md").read_text()
    for module in declared_uses():
        assert re.search(rf"\b{module}\b", picture), f"docs/architecture.md does not show {module}"
