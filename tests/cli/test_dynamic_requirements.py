"""Packages that find out while they are built what they require: %generate_buildrequires."""

import subprocess

from spec_files import source_package

HEADER = """Name: {name}
Version: 1
Release: 1
Summary: Finds out what it requires
License: MIT
BuildArch: noarch
BuildRequires: less
%description
%prep
echo prepared >> preparations
%generate_buildrequires
"""

# Where zip is there it asks for unzip, and where that is there for nano; its check fails without any of them, and where
# the sources were prepared more than once.
CURIOUS = HEADER.format(name="curious") + """
echo zip
[ ! -x /usr/bin/zip ] || echo 'unzip >= 6'
[ ! -x /usr/bin/unzip ] || echo nano
%build
%check
for program in less zip unzip nano; do test -x /usr/bin/$program; done
test "$(cat preparations)" = prepared
%files
"""

DEMANDING = HEADER.format(name="demanding") + """
echo no-such-thing
%build
%files
"""

BROKEN = HEADER.format(name="broken") + """
exit 3
%build
%files
"""

# What it leaves beside rpmbuild's own file is no package; the package manager, which is root, would follow it.
TRAPPING = HEADER.format(name="trapping") + """
ln -s /etc/shadow ~/build/SRPMS/trap-1-1.buildreqs.nosrc.rpm
%build
%files
"""


def requirements(package):
    text = subprocess.run(["rpm", "-qp", "--requires", package], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line for line in text.splitlines() if not line.startswith("rpmlib(")}


def test_what_a_package_finds_out_is_installed_until_it_asks_for_no_more(root, tmp_path):
    root.ok("--rebuild", source_package(tmp_path, CURIOUS))
    assert sorted(path.name for path in root.resultdir.glob("*.rpm")) == ["curious-1-1.noarch.rpm", "curious-1-1.src.rpm"]
    assert requirements(root.resultdir / "curious-1-1.src.rpm") == {"less", "zip", "unzip >= 6", "nano"}
    installed = (root.resultdir / "installed_pkgs.log").read_text()
    assert all(f"\n{name}-" in installed for name in ("less", "zip", "unzip", "nano"))
    assert "Going to install missing dynamic buildrequires" in (root.resultdir / "root.log").read_text()


def test_what_it_finds_out_and_nobody_has_is_named(root, tmp_path):
    error = root.fails(30, "--rebuild", source_package(tmp_path, DEMANDING))
    assert "no-such-thing" in error


def test_a_package_that_never_asks_for_less_is_given_up(root, tmp_path):
    error = root.fails(10, "--config-opts", "dynamic_buildrequires_max_loops=2", "--rebuild", source_package(tmp_path, CURIOUS))
    assert "in each of 2 runs" in error
    assert "dynamic_buildrequires_max_loops" in error
    assert not list(root.resultdir.glob("*.rpm"))


def test_a_package_that_cannot_find_out_says_why(root, tmp_path):
    error = root.fails(10, "--rebuild", source_package(tmp_path, BROKEN))
    assert "Bad exit status" in error
    assert "%generate_buildrequires" in error


def test_where_the_configuration_wants_none_of_it_nothing_is_built(root, tmp_path):
    error = root.fails(1, "--config-opts", "dynamic_buildrequires=False", "--rebuild", source_package(tmp_path, CURIOUS))
    assert "DynamicBuildRequires are found but support is disabled" in error


def test_only_what_rpmbuild_has_written_down_is_given_to_the_package_manager(root, tmp_path):
    error = root.fails(40, "--rebuild", source_package(tmp_path, TRAPPING))
    assert "found 2 in" in error
