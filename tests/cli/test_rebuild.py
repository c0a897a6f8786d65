"""SRPM to RPM, and the options that a build takes."""

import os

from spec_files import described
from spec_files import source_package as source_package_of


def source_package(distribution, name):
    return next((distribution / "srpms").glob(f"{name}-*.src.rpm"))


def test_a_source_package_becomes_packages_and_logs(root, distribution):
    done = root.run("--rebuild", source_package(distribution, "hello-c"))
    assert done.returncode == 0, done.stderr
    results = {path.name for path in root.resultdir.iterdir()}
    assert {"root.log", "state.log", "build.log", "hw_info.log", "installed_pkgs.log"} <= results
    package = next(name for name in results if name.startswith("hello-c-1.0") and name.endswith(".x86_64.rpm"))
    assert any(name.endswith(".src.rpm") for name in results)
    assert "%check" in (root.resultdir / "build.log").read_text()
    root.ok("--no-clean", "--install", root.resultdir / package)
    assert root.sh("rpm -q hello-c").startswith("hello-c-1.0")


def test_its_dependencies_can_be_installed_alone(root, distribution):
    assert root.run("--chroot", "rpm -q zip").returncode == 1
    root.ok("--installdeps", source_package(distribution, "hello-c"))
    assert root.sh("rpm -q zip").startswith("zip-")


def test_a_failing_check_keeps_its_logs(root, distribution):
    error = root.fails(1, "--rebuild", source_package(distribution, "failing-check"))
    assert "ERROR: Command failed" in error
    assert "Bad exit status" in (root.resultdir / "build.log").read_text()


def test_a_missing_build_requirement_is_named(root, distribution):
    error = root.fails(30, "--rebuild", source_package(distribution, "missing-buildrequires"))
    assert "no-such-thing" in error


def test_what_is_no_source_package_is_refused(root, tmp_path):
    (tmp_path / "x.src.rpm").write_text("no package")
    assert root.run("--rebuild", tmp_path / "x.src.rpm").returncode not in (0, 1)
    assert root.run("--rebuild", tmp_path / "missing.src.rpm").returncode != 0


def test_a_package_for_all_architectures_is_built(root, distribution):
    root.ok("--rebuild", source_package(distribution, "noarch-tool"))
    assert any(path.name.endswith(".noarch.rpm") for path in root.resultdir.iterdir())


# What its build is told stands in its description; its %check fails.
TOLD = """Name: told
Version: 1
Release: 1
Summary: Tells what its build was told
License: MIT
%bcond_with extras
%bcond_without docs

%description
extras: %{with extras}
docs: %{with docs}
word: %{?word}%{!?word:none}
dashed: %{?_with_two_words}%{!?_with_two_words:none}
of file: %{?of_file}%{!?of_file:none}
in both: %{?in_both}%{!?in_both:none}
of rpmbuild: %{?of_rpmbuild}%{!?of_rpmbuild:none}
target: %{_target_cpu}
zip: %([ -x /usr/bin/zip ] && echo there || echo missing)

%check
exit 1

%files
"""

# Its build would take longer than any test waits.
ENDLESS = """Name: endless
Version: 1
Release: 1
Summary: Is never built
License: MIT
%description
%build
sleep 100000
%files
"""

# It is built, and cannot be installed.
DEMANDING = """Name: demanding
Version: 1
Release: 1
Summary: Needs what is not there
License: MIT
Requires: no-such-thing
%description
%files
"""


def built(directory, pattern):
    """The one package in a result directory whose name matches."""
    (package,) = directory.glob(pattern)
    return package


def test_a_build_is_told_nothing_by_itself(root, tmp_path):
    root.ok("--nocheck", "--rebuild", source_package_of(tmp_path, TOLD))
    assert described(built(root.resultdir, "told-1-1.x86_64.rpm")) == {
        "extras": "0", "docs": "1", "word": "none", "dashed": "none", "of file": "none", "in both": "none",
        "of rpmbuild": "none", "target": "x86_64", "zip": "missing",
    }  # fmt: skip


def test_options_tell_a_build_what_it_is_to_do(root, tmp_path):
    (tmp_path / "macros").write_text("%of_file from the file\n%in_both of the file")
    root.ok(
        "--nocheck", "--with", "extras", "--with", "two-words", "--without", "docs", "--define", "word two words",
        "-D", "%in_both of the line", "--macro-file", tmp_path / "macros", "--target", "i686",
        "--rpmbuild-opts", "--define 'of_rpmbuild an option'", "--additional-package", "zip",
        "--rebuild", source_package_of(tmp_path, TOLD),
    )  # fmt: skip
    assert described(built(root.resultdir, "told-1-1.i686.rpm")) == {
        "extras": "1", "docs": "0", "word": "two words", "dashed": "--with-two-words", "of file": "from the file",
        "in both": "of the line", "of rpmbuild": "an option", "target": "i686", "zip": "there",
    }  # fmt: skip


def test_a_build_that_takes_too_long_is_stopped(root, tmp_path):
    error = root.fails(11, "--rpmbuild_timeout", "2", "--rebuild", source_package_of(tmp_path, ENDLESS))
    assert "Timeout(2) expired" in error


def test_a_macro_file_that_cannot_be_read_is_refused_before_anything_is_done(root, distribution, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("%secret 1")
    root.sh("touch /kept")
    package = source_package(distribution, "noarch-tool")
    assert f"does not exist: {tmp_path}/missing" in root.fails(5, "--macro-file", tmp_path / "missing", "--rebuild", package)
    of_sudo = {**os.environ, "SUDO_UID": "1000", "SUDO_GID": "1000"}
    error = root.fails(5, "--macro-file", secret, "--rebuild", package, env=of_sudo)
    assert "Permission denied" in error
    root.sh("test -e /kept")


def test_several_packages_are_built_one_after_the_other_each_in_a_clean_root(root, distribution, tmp_path):
    results = root.disk / "results-of-several"
    packages = [source_package(distribution, "hello-c"), source_package_of(tmp_path, TOLD)]
    root.ok("--nocheck", "--resultdir", results, "--rebuild", *packages)
    built(results, "hello-c-1.0-1*.x86_64.rpm")
    assert described(built(results, "told-1-1.x86_64.rpm"))["zip"] == "missing"
    log = (results / "build.log").read_text()
    assert log.index("SPECS/hello-c.spec") < log.index("SPECS/told.spec")
    states = (results / "state.log").read_text()
    assert states.index("Finish: build phase for hello-c") < states.index("Start: build phase for told")


def test_a_root_without_layers_is_made_anew_for_each_of_several_packages(empty, distribution, tmp_path):
    results = empty.disk / "results-without-layers"
    packages = [source_package(distribution, "hello-c"), source_package_of(tmp_path, TOLD)]
    empty.ok("--disable-plugin", "overlayfs", "--nocheck", "--postinstall", "--resultdir", results, "--rebuild", *packages)
    assert described(built(results, "told-1-1.x86_64.rpm"))["zip"] == "missing"
    assert empty.sh("rpm -q hello-c told", "--disable-plugin", "overlayfs").split() == ["hello-c-1.0-1.x86_64", "told-1-1.x86_64"]


def test_the_first_build_that_fails_ends_them_all(root, distribution, tmp_path):
    results = root.disk / "results-until-failure"
    names = ["noarch-tool", "failing-check", "hello-c"]
    root.fails(1, "--resultdir", results, "--rebuild", *(source_package(distribution, name) for name in names))
    built(results, "noarch-tool-*.noarch.rpm")
    assert not list(results.glob("hello-c-*"))


def test_of_several_packages_one_that_is_none_stops_them_before_anything_is_done(root, distribution, tmp_path):
    (tmp_path / "x.src.rpm").write_text("no package")
    root.sh("touch /kept")
    root.fails(40, "--resultdir", tmp_path, "--rebuild", source_package(distribution, "noarch-tool"), tmp_path / "x.src.rpm")
    root.sh("test -e /kept")


def test_what_several_builds_have_made_is_installed_where_that_is_wanted(root, distribution, tmp_path):
    results = root.disk / "results-to-install"
    packages = [source_package(distribution, "noarch-tool"), source_package_of(tmp_path, TOLD)]
    root.ok("--nocheck", "--config-opts", "post_install=True", "--resultdir", results, "--rebuild", *packages)
    assert root.sh("rpm -q noarch-tool told").split() == ["noarch-tool-1.0-1.noarch", "told-1-1.x86_64"]


def test_what_cannot_be_installed_after_its_build_is_named(root, tmp_path):
    error = root.fails(30, "--postinstall", "--rebuild", source_package_of(tmp_path, DEMANDING))
    assert "Installation of built packages failed" in error
    assert "no-such-thing" in error
    built(root.resultdir, "demanding-1-1.x86_64.rpm")
