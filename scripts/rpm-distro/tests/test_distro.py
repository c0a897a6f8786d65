from xml.etree import ElementTree

import pytest

import filesystem
import mockconfig
from cache import Cache, digest
from distro import Distro, maker_key
from repository import comps
from resolve import parse_uris
from tools import DEBIAN_PACKAGE_OF, MakerError, require_tools


def test_where_paths_are_once_usr_is_merged():
    assert filesystem.final_path("/lib64/ld-linux-x86-64.so.2") == "/usr/lib64/ld-linux-x86-64.so.2"
    assert filesystem.final_path("/bin") == "/usr/bin"
    assert filesystem.final_path("/libexec/x") == "/libexec/x"
    assert filesystem.final_path("/usr/bin/x") == "/usr/bin/x"


MASTERS = filesystem.Masters(
    passwd="root:*:0:0:root:/root:/bin/bash\nmail:*:8:8:mail:/var/mail:/usr/sbin/nologin\n",
    group="root:*:0:\nmail:*:8:\nshadow:*:42:\nstaff:*:50:\n",
)


def test_accounts():
    files = filesystem.account_files(MASTERS)
    assert files["/etc/passwd"][0].startswith("root:x:0:0:")
    assert files["/etc/shadow"] == ("root:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\n", 0o640)


def test_filesystem_gives_its_files_to_their_groups(tmp_path):
    entries = filesystem.write_tree(tmp_path, MASTERS)
    assert (tmp_path / "bin").readlink().as_posix() == "usr/bin"
    text = filesystem.spec(entries, MASTERS).render()
    assert 'posix.chown("/etc/shadow", 0, 42)\nposix.chmod("/etc/shadow", "640")' in text
    assert 'posix.chmod("/var/mail", "2775")' in text


def test_what_apt_would_fetch():
    plan = "Reading package lists...\n'http://mirror/pool/g++_4%3a12_amd64.deb' g++_4%3a12_amd64.deb 1356 MD5Sum:0\n"
    assert parse_uris(plan) == {"g++_4%3a12_amd64.deb": 1356}


def test_comps():
    group = ElementTree.fromstring(comps("buildsys-build", "Build", ["bash", "g++"]).split("\n", 1)[1]).find("group")
    assert group.findtext("id") == "buildsys-build"
    assert [(item.get("type"), item.text) for item in group.iter("packagereq")] == [
        ("mandatory", "bash"), ("mandatory", "g++"),
    ]  # fmt: skip


def test_cache_makes_once_and_keeps_nothing_half_made(tmp_path):
    cache = Cache(tmp_path / "cache", tmp_path / "work")
    calls = []

    def make(output, scratch):
        calls.append(scratch)
        (output / "file").write_text("content")
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("key", make)
    for _ in range(2):
        assert [path.read_text() for path in cache.get("key", make)] == ["content"]
    assert len(calls) == 2
    assert not list(cache.work.iterdir())
    cache.keep_only(())
    assert not list(cache.directory.iterdir())


def test_digest_sees_where_parts_end():
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_the_key_depends_on_the_place(tmp_path):
    assert maker_key(tmp_path) == maker_key(tmp_path)
    assert maker_key(tmp_path) != maker_key(tmp_path / "elsewhere")


def test_mock_configuration_names_the_repositories(tmp_path):
    mockconfig.write_configuration(tmp_path / "mock", tmp_path / "a distro")
    template = (tmp_path / "mock/templates/plyroot-test.tpl").read_text()
    assert f"baseurl=file://{tmp_path}/a%20distro/repo\n" in template
    assert "@" not in template.replace("@buildsys-build", "")
    compile((tmp_path / "mock/plyroot-test.cfg").read_text(), "cfg", "exec")
    compile(template, "tpl", "exec")


def test_missing_tools_are_named_with_their_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MakerError) as raised:
        require_tools()
    for name in {*DEBIAN_PACKAGE_OF, *DEBIAN_PACKAGE_OF.values()}:
        assert name in str(raised.value)


def test_a_place_that_cannot_be_made_is_an_error_with_advice(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MakerError, match="--directory"):
        Distro(tmp_path / "file" / "distro").make()
