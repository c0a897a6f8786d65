"""Source packages of a test's own, made from a spec file by the host's rpmbuild."""

import subprocess
from pathlib import Path


def source_package(directory: Path, spec: str) -> Path:
    """The source package of a spec file without sources, whose first line is its name."""
    name = spec.split()[1]
    file = directory / f"{name}.spec"
    file.write_text(spec)
    made = directory / f"srpm-of-{name}"
    subprocess.run(["rpmbuild", "-bs", "--quiet", "--define", f"_srcrpmdir {made}", "--define", f"_topdir {directory}", file],
                   check=True)
    return next(made.glob("*.src.rpm"))


def described(package: Path) -> dict[str, str]:
    """What a package's description has in lines of the form "name: value"."""
    text = subprocess.run(["rpm", "-qp", "--qf", "%{DESCRIPTION}", package], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
