import io
import tarfile

import pytest

import packages
import tree
from convert import Closure, Recipe
from deb import Control
from names import names_of_files
from spec import Kind
from tools import MakerError


def control(name, **fields):
    return Control({"Package": name, "Version": "1-1", "Architecture": "amd64", **fields})


@pytest.fixture
def closure():
    return Closure.of([control("gawk", Provides="awk"), control("bash"), control("dash", Provides="posix-shell, awk")])


def test_the_first_alternative_that_is_there(closure):
    assert closure.choose(["absent", "bash", "gawk"]) == "bash"


def test_a_virtual_package_by_a_real_name(closure):
    assert closure.choose(["awk"]) == "dash"  # the first by name: the same each time


def test_what_is_left_out_on_purpose_is_not_missed(closure):
    assert closure.choose([packages.INSTEAD_OF_USRMERGE]) is None


def test_what_nobody_has_is_an_error_with_its_names(closure):
    with pytest.raises(MakerError, match="one, two"):
        closure.choose(["one", "two"])


def test_requires_are_said_once_and_never_of_oneself(closure):
    package = control("bash", Depends="gawk, dash | bash, gawk | dash, bash")
    assert closure.requires_of(package) == ("gawk", "dash")


def test_only_what_goes_in_changes_a_recipes_key(tmp_path, monkeypatch):
    recipe = Recipe(control("tool"), tmp_path / "tool_1-1_amd64.deb", ("libc6",))
    key = recipe.key()
    monkeypatch.setitem(packages.LINKS, "other", {"/usr/bin/x": "y"})
    assert recipe.key() == key
    monkeypatch.setitem(packages.LINKS, "tool", {"/usr/bin/x": "y"})
    assert recipe.key() != key


def test_names_by_files():
    paths = [
        "/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc",
        "/usr/share/pkgconfig/x.pc",
        "/usr/share/perl/5.36.0/Text/Wrap.pm",
        "/usr/lib/x86_64-linux-gnu/perl-base/strict.pm",
        "/usr/share/perl5/Debconf/Db.pm",
        "/usr/share/doc/x.pc",
    ]
    assert list(names_of_files(paths)) == [
        "pkgconfig(zlib)", "pkgconfig(x)", "perl(Text::Wrap)", "perl(strict)", "perl(Debconf::Db)",
    ]  # fmt: skip


def unpack(tmp_path, *members):
    """What _unpack_member makes of (name, type, link target or content)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, what in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o755
            if kind == tarfile.REGTYPE:
                member.size = len(what)
                tar.addfile(member, io.BytesIO(what))
            else:
                member.linkname = what
                tar.addfile(member)
    stream.seek(0)
    result = tree.Tree(tmp_path)
    with tarfile.open(fileobj=stream) as tar:
        tree.unpack_tar(result, tar, frozenset({"/etc/x.conf"}))
    return result


def test_usr_is_merged_while_unpacking(tmp_path):
    made = unpack(
        tmp_path,
        ("./", tarfile.DIRTYPE, ""),
        ("./bin/", tarfile.DIRTYPE, ""),
        ("./bin/touch", tarfile.REGTYPE, b"program"),
        ("./bin/again", tarfile.LNKTYPE, "./bin/touch"),
        ("./usr/bin/touch", tarfile.SYMTYPE, "/bin/touch"),
        ("./usr/share/doc/touch/copyright", tarfile.REGTYPE, b"text"),
        ("./etc/x.conf", tarfile.REGTYPE, b"text"),
    )
    assert sorted(made.entries) == ["/etc/x.conf", "/usr/bin/again", "/usr/bin/touch"]
    assert made.entries["/usr/bin/touch"].kind is Kind.FILE
    assert made.entries["/etc/x.conf"].config
    assert made.former_paths == ["/bin/touch", "/bin/again"]
    assert (tmp_path / "usr/bin/again").samefile(tmp_path / "usr/bin/touch")
    assert not (tmp_path / "bin").exists()


def test_links_that_debian_sets_by_script(tmp_path, monkeypatch):
    monkeypatch.setitem(packages.LINKS, "tool", {"/usr/bin/tool": "tool-1"})
    made = unpack(tmp_path, ("./usr/bin/tool-1", tarfile.REGTYPE, b""))
    tree.finish(made, "tool")
    assert made.entries["/usr/bin/tool"].kind is Kind.LINK
    assert (tmp_path / "usr/bin/tool").readlink().name == "tool-1"


def test_a_link_over_a_file_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(packages.LINKS, "tool", {"/usr/bin/tool": "tool-1"})
    made = unpack(tmp_path, ("./usr/bin/tool", tarfile.REGTYPE, b""))
    with pytest.raises(MakerError, match="LINKS"):
        tree.finish(made, "tool")


def test_an_edit_that_matches_nothing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(packages.EDITS, "tool", (("/etc/x.conf", "absent", "present"),))
    made = unpack(tmp_path, ("./etc/x.conf", tarfile.REGTYPE, b"text\n"))
    with pytest.raises(MakerError, match="EDITS"):
        tree.finish(made, "tool")
