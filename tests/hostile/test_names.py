"""Hostile strings as names and paths: a clear error or the right work, never anything outside, never raw control
characters on a terminal."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from plyroot_on_disk import PROGRAM, Plyroot
from conftest import FULL

HOSTILE = {
    "nothing": b"",
    "a dot": b".",
    "two dots": b"..",
    "the way up": b"../../x",
    "a detour": b"a/../../../x",
    "a slash": b"a/b",
    "an absolute path": b"/x",
    "a leading dash": b"-x",
    "an option": b"--clean",
    "a newline": b"a\nb",
    "a newline at the end": b"a\n",
    "a carriage return": b"a\rb",
    "a tab": b"a\tb",
    "a comma": b"a,lowerdir=/,b",
    "a colon": b"a:b",
    "a backslash": b"a\\b",
    "an octal escape": b"a\\040b",
    "blanks": b"a b  c",
    "only a blank": b" ",
    "quotes": b"a'b\"c`d",
    "a shell's words": b"$(touch /tmp/plyroot-owned);`id`|&",
    "a format's words": b"%s%n{}{0}",
    "a pattern": b"*?[a]",
    "a terminal's escape": b"\x1b[2Ja\x07",
    "an 8 bit control character": b"a\xc2\x9bb",
    "a delete": b"a\x7fb",
    "invalid UTF-8": b"a\xff\xfeb",
    "an overlong UTF-8 sequence": b"a\xc0\xafb",
    "text from right to left": "a\u202eb".encode(),
    "letters of others": "größe-根".encode(),
    "a name of ours": b"@main",
    "a lock of ours": b"@main.lock",
    "255 characters": b"n" * 255,
    "10,000 characters": b"n" * 10_000,
    "10,000 characters of a path": b"/n" * 5_000,
}
strings = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())

LAYER = re.compile(rb"\d+-[0-9a-f]{8}")
# Left-to-right and right-to-left overrides too: they show a name as another one.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def run(plyroot, *words, **options):
    """Runs a command whose words may be any bytes."""
    command = [word if isinstance(word, bytes) else os.fsencode(str(word)) for word in words]
    done = subprocess.run([os.fsencode(word) for word in plyroot.command()] + command, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120, **options)
    said = done.stdout + done.stderr
    text = said.decode()  # fails where it is no UTF-8
    assert not UNPRINTABLE.search(text), f"not printable: {text!r}"
    assert b"Traceback" not in said
    assert done.returncode >= 0, text
    return done.returncode, text


@pytest.fixture
def surroundings(root, tmp_path):
    """Nothing appears where a name might have led to."""
    places = [Path("/"), root.disk, root.base_dir, root.base_dir / root.root_name / "layers", root.base_dir / root.root_name]
    before = {place: set(os.listdir(os.fsencode(place))) for place in places}
    yield
    for place in places:
        added = set(os.listdir(os.fsencode(place))) - before[place]
        allowed = {name for name in added if place.name == "layers" and LAYER.fullmatch(name)} | {name for name in added if name.startswith((b"plyroot-test-", b"pytest-"))}
        assert added - allowed - {b"trash"} == set(), place
    assert not os.path.exists("/tmp/plyroot-owned")


@strings
def test_as_the_name_of_a_snapshot(root, surroundings, text):
    listed = root.list()
    for option in (b"--snapshot", b"--rollback-to", b"--remove-snapshot"):
        code, said = run(root, option + b"=" + text)
        assert code in (1, 5, 50), said
        assert "ERROR" in said or "CRITICAL" in said or code == 5, said
        assert len(said) < 2000, "a message is to be read"
    assert root.list() == listed


def test_good_names_are_good_whatever_they_look_like(root):
    names = ["A", "a.b-c_d", "0", "postinit2", "n" * 64, "x--clean", "NULL", "CON"]
    for name in names:
        root.ok("--snapshot", name)
    assert [line[2:] for line in root.list()] == ["postinit", *names]


@strings
def test_as_a_unique_extension(root, surroundings, text):
    code, said = run(root, b"--uniqueext=" + text, "--chroot", "true")
    if text == b"":
        assert code in (0, 1, 3, 5), said
    else:
        assert code in (1, 3, 5), said
    assert len(said) < 3000


@strings
def test_as_the_name_of_a_configuration(root, surroundings, text):
    done = subprocess.run([PROGRAM.encode(), b"-r", text, b"--list-snapshots"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    said = (done.stdout + done.stderr).decode()
    assert not UNPRINTABLE.search(said), repr(said)
    assert done.returncode in (1, 3, 5), said
    assert len(said) < 3000 and "Traceback" not in said


KEYS = ["target_arch", "chroothome", "chrootuser"]


@pytest.mark.parametrize("key, text", [pytest.param(key, text, id=f"{key} is {name}") for number, (name, text) in enumerate(HOSTILE.items())
                                       for at, key in enumerate(KEYS) if FULL or number % len(KEYS) == at])
def test_as_what_a_configuration_says(root, surroundings, text, key):
    code, said = run(root, b"--config-opts", key.encode() + b"=" + text, "--list-snapshots")
    assert code in (0, 1, 3, 5), said
    assert len(said) < 6000


@strings
def test_as_the_name_of_a_root(distribution, disk, tmp_path, text):
    """It is a part of every path: of the store, of its layers, and of where the root is mounted."""
    place = disk / f"root-{tmp_path.name}"
    place.mkdir()
    plyroot = Plyroot(place, distribution)
    option = ["--config-opts", b"root=" + text]
    code, said = run(plyroot, *option, "--snapshot", "s")
    assert code == 0 or (code in (1, 3, 5) and ("ERROR" in said or "CRITICAL" in said)), said
    assert len(said) < 6000
    if code == 0:
        mounted = Path(os.fsdecode(run_for_path(plyroot, *option, "--print-root-path")))
        assert mounted.is_relative_to(plyroot.basedir)
        for content in ("first", "second"):
            assert run(plyroot, *option, "--mount") == (0, "")
            assert os.path.ismount(mounted)
            (mounted / content).write_text(content)
            assert run(plyroot, *option, "--umount") == (0, "")
            assert not os.path.ismount(mounted)
            assert run(plyroot, *option, "--snapshot", content) == (0, "")
        assert run(plyroot, *option, "--rollback-to", "first") == (0, "")
        assert run(plyroot, *option, "--mount") == (0, "")
        assert os.listdir(mounted) == ["first"]
        assert run(plyroot, *option, "--umount") == (0, "")
        assert run(plyroot, *option, "--fsck")[0] == 0
        # In a store of its own, beside nothing else.
        assert len(os.listdir(plyroot.base_dir)) == 1
    assert set(os.listdir(place)) <= {"ply", "mock", "cache"}


def test_the_longest_name_of_a_root_can_be_mounted_under_the_longest_extension(distribution, disk, tmp_path):
    place = disk / f"longest-{tmp_path.name}"
    place.mkdir()
    plyroot = Plyroot(place, distribution)
    longest = ["--config-opts", "root=" + "n" * 175, "--uniqueext", "e" * 64]
    plyroot.ok(*longest, "--mount")
    plyroot.ok(*longest, "--umount")
    assert "at most 175" in plyroot.fails(3, "--config-opts", "root=" + "n" * 176, "--mount")
    assert os.listdir(plyroot.base_dir) == ["n" * 175]


def run_for_path(plyroot, *words) -> bytes:
    command = [os.fsencode(word) for word in plyroot.command()] + [word if isinstance(word, bytes) else word.encode() for word in words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, check=True).stdout.rstrip(b"\n")


PATHS = {name: text for name, text in HOSTILE.items() if text not in (b"",) and b"/n/n" not in text}


@pytest.mark.parametrize("text", PATHS.values(), ids=PATHS.keys())
def test_as_a_part_of_base_dir(distribution, disk, tmp_path, text):
    """Either the store is there, whole and usable, or a message says why not, and nothing was made elsewhere."""
    place = disk / f"base-{tmp_path.name}"
    place.mkdir()
    plyroot = Plyroot(place, distribution)
    base_dir = os.fsencode(place) + b"/" + text.lstrip(b"/")
    option = [b"--plugin-option", b"overlayfs:base_dir=" + base_dir]
    code, said = run(plyroot, *option, "--snapshot", "s")
    if code == 0:
        code, said = run(plyroot, *option, "--list-snapshots")
        assert (code, said) == (0, "* s\n")
        inside = Path(os.fsdecode(os.path.realpath(base_dir)))
        assert (inside / plyroot.root_name / "store.db").exists()
        code, said = run(plyroot, *option, "--mount")
        if code == 0:
            (plyroot.rootdir / "file").write_text("kept")
            assert run(plyroot, *option, "--umount")[0] == 0
            assert run(plyroot, *option, "--snapshot", "t")[0] == 0
            assert run(plyroot, *option, "--mount")[0] == 0
            assert (plyroot.rootdir / "file").read_text() == "kept"
            assert run(plyroot, *option, "--umount")[0] == 0
        else:
            pytest.fail(f"a store that cannot be mounted: {said}")
    else:
        assert "ERROR" in said, said


@pytest.mark.parametrize("text", PATHS.values(), ids=PATHS.keys())
def test_as_a_part_of_a_result_directory_or_of_a_roots_place(root, tmp_path, text):
    place = root.disk / "places" / tmp_path.name / "deep" / "below"
    place.mkdir(parents=True)
    results = os.fsencode(place) + b"/" + text.lstrip(b"/")
    code, said = run(root, b"--resultdir=" + results, "--chroot", "true")
    assert code == 0 or (code in (1, 3, 5, 70) and "ERROR" in said), said
    if code == 0:
        assert os.path.exists(os.path.normpath(results) + b"/root.log")  # as mock makes it absolute
    code, said = run(root, b"--rootdir=" + results, "--mount")
    if code == 0:
        mounted = os.path.realpath(results)
        assert os.path.ismount(mounted), said
        assert run(root, b"--rootdir=" + results, "--umount")[0] == 0
        assert not os.path.ismount(mounted)
    else:
        assert code in (1, 3, 5, 20) and "ERROR" in said, said


OF_FILES = {what: text for what, text in HOSTILE.items() if b"/" not in text and text not in (b"", b".", b"..") and len(text) < 256}
SPEC = "Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n%description\n"


@pytest.mark.parametrize("text", OF_FILES.values(), ids=OF_FILES.keys())
def test_as_the_name_of_a_spec_file_and_of_a_source(root, surroundings, tmp_path, text):
    sources = tmp_path / "sources"
    sources.mkdir()
    hostile = os.fsencode(sources) + b"/" + text
    for path in (os.fsencode(tmp_path / "x.spec"), hostile):
        with open(path, "w") as file:
            file.write(SPEC)
    code, said = run(root, "--buildsrpm", b"--spec=" + os.fsencode(tmp_path / "x.spec"), b"--sources=" + os.fsencode(sources))
    assert code == 0, said
    assert (root.resultdir / "x-1-1.src.rpm").is_file()
    code, said = run(root, "--buildsrpm", b"--spec=" + hostile)
    assert code == 0 or (code in (1, 5, 40) and "ERROR" in said), said


def test_a_root_is_not_mounted_over_its_own_layers(root):
    for place in (root.base_dir, root.base_dir / root.root_name, root.disk, Path("/")):
        assert "hide" in root.fails(20, "--rootdir", place, "--mount")
        assert not (place / "etc" / "dnf").exists() or place == Path("/")
    assert root.list() == ["* postinit"]


def test_a_root_that_was_mounted_by_a_path_with_detours_is_unmounted_by_it(root, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for place in (f"{tmp_path}/real/../real", f"{tmp_path}/real/", f"{tmp_path}//link"):
        root.ok("--rootdir", place, "--mount")
        assert os.path.ismount(tmp_path / "real")
        root.ok("--rootdir", place, "--umount")
        assert not os.path.ismount(tmp_path / "real")
