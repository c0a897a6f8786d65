"""Makes a small RPM distribution out of Debian packages: for plyroot's demo and tests."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from distro import Distro
from tools import MakerError

DEFAULT_DIRECTORY = "/var/cache/plyroot-rpm-distro"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make-rpm-distro", description=__doc__)
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(os.environ.get("PLYROOT_RPM_DISTRO") or DEFAULT_DIRECTORY),
        metavar="DIR",
        help=f"where it is made (default: PLYROOT_RPM_DISTRO, or {DEFAULT_DIRECTORY})",
    )
    parser.add_argument("--print-path", action="store_true", help="print the directory when it is made")
    options = parser.parse_args()
    directory = options.directory.resolve()
    try:
        Distro(directory).make()
    except MakerError as error:
        print(f"make-rpm-distro: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.print_path:
        print(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
