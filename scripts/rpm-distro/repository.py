"""A directory of RPMs as a repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tools import run


def comps(group: str, name: str, packages: Sequence[str]) -> str:
    """The comps file of one group whose packages are all mandatory."""
    root = ElementTree.Element("comps")
    element = ElementTree.SubElement(root, "group")
    texts = {"id": group, "name": name, "description": "", "default": "false", "uservisible": "false"}
    for tag, text in texts.items():
        ElementTree.SubElement(element, tag).text = text
    members = ElementTree.SubElement(element, "packagelist")
    for package in packages:
        ElementTree.SubElement(members, "packagereq", type="mandatory").text = package
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def make_repository(directory: Path, rpms: Iterable[Path], comps_file: Path | None = None) -> None:
    """Fills a directory with (hard links to) the RPMs, and describes them."""
    directory.mkdir()
    for rpm in rpms:
        os.link(rpm, directory / rpm.name)
    argv: list[str | Path] = ["createrepo_c", "--quiet", "--no-database", f"--workers={os.cpu_count() or 1}"]
    if comps_file:
        argv += ["--groupfile", comps_file]
    run([*argv, directory], tried=f"describing the repository {directory}")
