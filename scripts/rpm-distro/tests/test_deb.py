import pytest

from deb import Control, MaintainerFiles, RpmVersion, parse_dependencies


@pytest.mark.parametrize(
    ("debian", "epoch", "version", "release"),
    [
        ("9.1-1", "0", "9.1", "1"),
        ("1:1.2.13.dfsg-1", "1", "1.2.13.dfsg", "1"),
        ("2.36-9+deb12u4", "0", "2.36", "9+deb12u4"),
        ("3.0.11-1~deb12u2", "0", "3.0.11", "1~deb12u2"),
        ("3.6.1", "0", "3.6.1", "0"),  # a native package has no revision
        ("1-2-3", "0", "1_2", "3"),  # a hyphen of the upstream version
    ],
)
def test_version_in_rpms_parts(debian, epoch, version, release):
    assert RpmVersion.from_debian(debian) == RpmVersion(epoch, version, release)


def test_dependencies_keep_alternatives_in_order_and_drop_qualifiers():
    field = "libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0, perl:any, g++ [amd64] <!nocheck>, libstdc++6"
    assert parse_dependencies(field) == [["libc6"], ["debconf", "debconf-2.0"], ["perl"], ["g++"], ["libstdc++6"]]


def test_no_dependencies():
    assert parse_dependencies("") == []


def test_control_folds_continued_lines():
    head = "Package: a\nVersion: 1-1\nArchitecture: all\n"
    control = Control.parse(head + "Description: short\n long\n .\n more\nDepends: b,\n c\n")
    assert control.name == "a"
    assert control.is_noarch
    assert control.summary == "short"
    assert control.depends == [["b"], ["c"]]


def test_pre_depends_are_depends():
    head = "Package: a\nVersion: 1-1\nArchitecture: amd64\n"
    control = Control.parse(head + "Pre-Depends: x\nDepends: y\nProvides: v (= 1)\n")
    assert control.depends == [["x"], ["y"]]
    assert control.provides == ["v"]
    assert not control.is_noarch


def test_alternatives_of_a_postinst():
    postinst = """
# update-alternatives --install /usr/bin/commented commented /usr/bin/x 1
update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/gawk 10 \\
  --slave /usr/bin/nawk nawk /usr/bin/gawk
update-alternatives --install "$BINPATH"/"$BINNAME" x y 50
"""
    assert MaintainerFiles(postinst=postinst).alternatives == {"/usr/bin/awk", "/usr/bin/nawk"}
