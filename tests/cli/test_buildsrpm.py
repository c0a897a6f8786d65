"""Source packages made of a spec file and sources, and what is built of them at once."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from spec_files import described
from spec_files import source_package as source_package_of

SPEC = """Name: fresh
Version: 1
Release: 1
Summary: {summary}
License: MIT
BuildArch: noarch
BuildRequires: zip
{sources}
%description
summary: {summary}
%files
"""


def spec_file(directory, *sources, summary="Is made of its sources"):
    lines = "".join(f"Source{number}: {name}\n" for number, name in enumerate(sources))
    file = directory / "fresh.spec"
    file.write_text(SPEC.format(sources=lines, summary=summary))
    return file


def packages(directory):
    return sorted(path.name for path in directory.glob("*.rpm"))


def content(package, name):
    """A file of a source package."""
    archive = subprocess.run(["rpm2archive", "-"], stdin=package.open("rb"), check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        (path,) = [path for path in files.getnames() if Path(path).name == name]
        return files.extractfile(path).read().decode()


@pytest.fixture
def sources(tmp_path):
    directory = tmp_path / "sources"
    directory.mkdir()
    (directory / "one").write_text("first\n")
    (directory / "two").write_text("second\n")
    return directory


@pytest.fixture
def open_to_all():
    """A directory that every user of this host can reach."""
    directory = Path(tempfile.mkdtemp(dir="/var/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_a_spec_file_and_a_directory_become_a_source_package(root, sources, tmp_path):
    done = root.run("--buildsrpm", "--spec", spec_file(tmp_path, "one", "two"), "--sources", sources)
    assert done.returncode == 0, done.stderr
    assert packages(root.resultdir) == ["fresh-1-1.src.rpm"]
    package = root.resultdir / "fresh-1-1.src.rpm"
    assert content(package, "one") + content(package, "two") == "first\nsecond\n"
    assert content(package, "fresh.spec") == (tmp_path / "fresh.spec").read_text()
    assert "rpmbuild -bs" in (root.resultdir / "build.log").read_text()
    assert f"Done({tmp_path}/fresh.spec)" in done.stderr
    assert root.run("--chroot", "rpm -q zip").returncode == 1


def test_a_single_file_may_be_the_sources_and_a_link_means_what_it_leads_to(root, sources, tmp_path):
    (tmp_path / "link").symlink_to(sources / "one")
    root.ok("--buildsrpm", "--spec", spec_file(tmp_path, "one"), "--sources", tmp_path / "link")
    assert content(root.resultdir / "fresh-1-1.src.rpm", "one") == "first\n"
    root.ok("--buildsrpm", "--spec", spec_file(tmp_path))
    assert packages(root.resultdir) == ["fresh-1-1.src.rpm"]


def test_links_among_the_sources_are_followed_where_that_is_asked_for(root, sources, tmp_path):
    (tmp_path / "outside").write_text("from outside\n")
    (sources / "linked").symlink_to(tmp_path / "outside")
    asked = ["--buildsrpm", "--spec", spec_file(tmp_path, "linked"), "--sources", sources]
    assert "linked" in root.fails(1, *asked)
    root.ok("--symlink-dereference", *asked)
    assert content(root.resultdir / "fresh-1-1.src.rpm", "linked") == "from outside\n"
    (sources / "loop").symlink_to(sources)
    assert "by the link loop" in root.fails(1, "--symlink-dereference", *asked)


def test_without_a_command_the_packages_are_built_too(root, sources, tmp_path):
    root.ok("--spec", spec_file(tmp_path, "one"), "--sources", sources)
    assert packages(root.resultdir) == ["fresh-1-1.noarch.rpm", "fresh-1-1.src.rpm"]
    log = (root.resultdir / "build.log").read_text()
    assert log.index(" -bs ") < log.index(" -bb ")


def test_a_spec_file_takes_the_place_of_a_source_packages_own(root, tmp_path):
    package = source_package_of(tmp_path, spec_file(tmp_path).read_text())
    root.ok("--rebuild", package, "--spec", spec_file(tmp_path, summary="Is made anew"))
    assert described(root.resultdir / "fresh-1-1.noarch.rpm")["summary"] == "Is made anew"


def test_what_is_missing_is_said_before_anything_is_done(root, sources, tmp_path):
    root.sh("touch /kept")
    spec = spec_file(tmp_path)
    assert f"Input specfile does not exist: {tmp_path}/no.spec" in root.fails(
        5, "--buildsrpm", "--spec", tmp_path / "no.spec", "--sources", sources)  # fmt: skip
    assert f"Input sources directory or file does not exist: {tmp_path}/no" in root.fails(
        5, "--spec", spec, "--sources", tmp_path / "no")  # fmt: skip
    assert "cannot be read" in root.fails(5, "--buildsrpm", "--spec", sources)
    root.sh("test -e /kept")


def test_a_source_that_the_spec_file_names_and_nobody_gave_is_named(root, sources, tmp_path):
    assert "three" in root.fails(1, "--buildsrpm", "--spec", spec_file(tmp_path, "three"), "--sources", sources)
    assert not packages(root.resultdir)


def test_who_called_sudo_has_only_files_of_their_own_rights_put_into_a_root(root, open_to_all):
    by_sudo = {**os.environ, "SUDO_UID": "1000", "SUDO_GID": "1000"}
    sources = open_to_all / "sources"
    sources.mkdir()
    (sources / "one").write_text("for all\n")
    asked = ["--buildsrpm", "--spec", spec_file(open_to_all, "one"), "--sources", sources]
    root.ok(*asked, env=by_sudo)
    assert content(root.resultdir / "fresh-1-1.src.rpm", "one") == "for all\n"
    assert (root.resultdir / "fresh-1-1.src.rpm").stat().st_uid == 1000
    (sources / "secret").write_text("secret")
    (sources / "secret").chmod(0o600)
    assert "Permission denied" in root.fails(1, *asked, env=by_sudo)
    (open_to_all / "fresh.spec").chmod(0o600)
    assert "Permission denied" in root.fails(5, *asked, env=by_sudo)


def test_a_trap_where_the_sources_go_catches_nothing(root, sources, tmp_path):
    root.sh("mkdir -p /etc/trap; touch /etc/trap/kept; rm -rf /builddir/build/SOURCES; ln -s /etc/trap /builddir/build/SOURCES")
    assert root.run("-n", "--buildsrpm", "--spec", spec_file(tmp_path, "one"), "--sources", sources).returncode != 0
    assert root.sh("ls /etc/trap") == "kept\n"
