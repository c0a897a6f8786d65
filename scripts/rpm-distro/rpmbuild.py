"""One way to call rpmbuild: nothing of the caller's home or of the host's habits gets into a package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools import run

# Of hand-made packages. Converted ones have the time of their newest file.
FIXED_TIME = 1_700_000_000


def rpmbuild(
    mode: str,
    spec: Path,
    *,
    output: Path,
    scratch: Path,
    defines: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    time: int = FIXED_TIME,
) -> None:
    """Builds a spec file; the packages land in `output`."""
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    macros = {
        "_topdir": str(scratch / "rpmbuild"),
        "_rpmdir": str(output),
        "_srcrpmdir": str(output),
        "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "_dbpath": str(scratch / "rpmdb"),
        "_tmppath": str(scratch),
        "_buildhost": "localhost",
        "_binary_payload": "w3.zstdio",
        "_source_payload": "w3.zstdio",
        "vendor": "plyroot",
        "use_source_date_epoch_as_buildtime": "1",
        "clamp_mtime_to_source_date_epoch": "1",
        **(defines or {}),
    }
    argv: list[str | Path] = ["rpmbuild", mode, "--nodeps", *arguments]
    for name, value in macros.items():
        argv += ["--define", f"{name} {value}"]
    run(
        [*argv, spec],
        tried=f"making an RPM of {spec.stem}",
        environment={"HOME": str(home), "SOURCE_DATE_EPOCH": str(time)},
    )
