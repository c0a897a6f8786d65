"""What becomes of a root after a build: as in mock it is cleaned where the results lie elsewhere."""

import pytest

from spec_files import source_package as source_package_of

PLAIN = """Name: {name}
Version: 1
Release: 1
Summary: Is built, or fails to be
License: MIT
BuildArch: noarch
BuildRequires: zip
%description
%check
{check}
%files
"""


@pytest.fixture
def good(tmp_path):
    return source_package_of(tmp_path, PLAIN.format(name="good", check="true"))


@pytest.fixture
def bad(tmp_path):
    return source_package_of(tmp_path, PLAIN.format(name="bad", check="false"))


def is_as_built(root, *options):
    """Whether the root still has what the build needed, or is as it was before."""
    return root.run(*options, "--chroot", "rpm -q zip").returncode == 0


def test_a_root_stays_as_the_build_left_it_where_the_results_lie_beside_it(root, good, bad):
    root.ok("--rebuild", good)
    assert is_as_built(root)
    root.fails(1, "--rebuild", bad)
    assert is_as_built(root)


def test_a_root_is_cleaned_after_a_build_whose_results_lie_elsewhere(root, good, tmp_path):
    done = root.run("--resultdir", tmp_path / "results", "--rebuild", good)
    assert done.returncode == 0, done.stderr
    assert "Cleaning up build root ('cleanup_on_success=True')" in done.stderr
    assert not is_as_built(root)
    assert (tmp_path / "results" / "good-1-1.noarch.rpm").exists()


def test_a_root_is_cleaned_to_the_snapshot_where_the_build_began(root, good, tmp_path):
    root.sh("touch /kept")
    root.ok("--snapshot", "begun")
    root.ok("--resultdir", tmp_path / "results", "--rebuild", good)
    root.sh("test -e /kept")
    assert not is_as_built(root)


def test_a_failed_build_leaves_a_clean_root_unless_it_is_to_be_looked_at(root, bad, tmp_path):
    elsewhere = ["--resultdir", tmp_path / "results"]
    assert "Cleaning up build root ('cleanup_on_failure=True')" in root.fails(1, *elsewhere, "--rebuild", bad)
    assert not is_as_built(root)
    root.fails(1, *elsewhere, "--config-opts", "cleanup_on_failure=False", "--rebuild", bad)
    assert is_as_built(root)


def test_the_command_line_decides_wherever_the_results_lie(root, good, bad, tmp_path):
    elsewhere = ["--resultdir", tmp_path / "results"]
    root.ok("-N", *elsewhere, "--rebuild", good)
    assert is_as_built(root)
    root.fails(1, "--no-cleanup-after", *elsewhere, "--rebuild", bad)
    assert is_as_built(root)
    root.ok("--cleanup-after", "--rebuild", good)
    assert not is_as_built(root)
    assert (root.resultdir / "good-1-1.noarch.rpm").exists()


def test_what_a_build_has_installed_stays_unless_cleaning_is_asked_for(root, good, tmp_path):
    to_install = ["--postinstall", "--resultdir", tmp_path / "results"]
    root.ok(*to_install, "--rebuild", good)
    assert root.sh("rpm -q good").strip() == "good-1-1.noarch"
    root.ok("--cleanup-after", *to_install, "--rebuild", good)
    assert root.run("--chroot", "rpm -q good").returncode == 1


def test_a_root_without_layers_is_cleaned_too(empty, good, tmp_path):
    plain = ["--disable-plugin", "overlayfs"]
    empty.ok(*plain, "--resultdir", tmp_path / "results", "--rebuild", good)
    assert not empty.rootdir.exists() or not any(empty.rootdir.iterdir())
    assert (tmp_path / "results" / "good-1-1.noarch.rpm").exists()


def test_who_works_in_the_root_beside_a_build_keeps_it_and_the_build_has_succeeded(root, good):
    other = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo ready; exec sleep 100")
    done = root.run("-n", "--cleanup-after", "--rebuild", good)
    assert done.returncode == 0, done.stderr
    assert "WARNING: the root stays as the build has left it, until --clean: Build root is locked" in done.stderr
    assert other.poll() is None
    assert is_as_built(root)
    other.kill()
    other.wait()
