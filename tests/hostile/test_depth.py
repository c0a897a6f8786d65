"""A root whose directories lie in each other deeper than a process has descriptors, and longer than a path can be."""

import os
import resource

DEPTH = 3000
DESCRIPTORS = 256


def make_deep(top, depth: int = DEPTH):
    here = os.open(top, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here), "w") as file:
        file.write("content")
    os.close(here)


def depth_of(top) -> int:
    """How many directories "d" lie in each other, where the last one has the file `bottom`."""
    depth = 0
    here = os.open(top, os.O_DIRECTORY)
    while "d" in os.listdir(here):
        below = os.open("d", os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        os.close(here)
        here = below
        depth += 1
    assert os.listdir(here) == ["bottom"]
    os.close(here)
    return depth


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def remove_deep(top):
    """shutil.rmtree needs a descriptor for each level."""
    while True:
        here = os.open(top, os.O_DIRECTORY)
        below = os.path.join(top, "d")
        if not os.path.exists(below):
            break
        if not os.path.exists(os.path.join(below, "d")):
            for name in os.listdir(below):
                os.unlink(os.path.join(below, name))
            os.rmdir(below)
            break
        os.rename("d/d", "next", src_dir_fd=here, dst_dir_fd=here)
        os.rmdir(below)
        os.rename(os.path.join(top, "next"), below)
        os.close(here)


def test_every_command_works_with_it(empty, tmp_path):
    def ok(*words):
        return empty.ok(*words, preexec_fn=few_descriptors)

    ok("--init")
    ok("--mount")
    make_deep(empty.rootdir / "builddir" / "build")
    (empty.rootdir / "opt" / "left").mkdir(parents=True)
    make_deep(empty.rootdir / "opt" / "left")
    ok("--umount")
    ok("--snapshot", "deep")
    ok("--chroot", "--", "/bin/sh", "-c", "rm -f /builddir/build/d/none; echo x > /opt/x")
    ok("--snapshot", "deeper")
    ok("--remove-snapshot", "deep")
    assert "all is well" in ok("--fsck", "--repair")
    ok("--mount")
    assert depth_of(empty.rootdir / "builddir" / "build") == DEPTH
    ok("--umount")

    out = tmp_path / "out"
    ok("--copyout", "/opt/left", out)
    assert depth_of(out) == DEPTH
    ok("--copyin", out, "/opt/right")
    remove_deep(out)
    ok("--mount")
    assert depth_of(empty.rootdir / "opt" / "right") == DEPTH
    ok("--umount")
    ok("--install", "plyroot-hello")
    ok("--rollback-to", "deeper")
    ok("--scrub", "all", "--wait")
    assert "all is well" in ok("--fsck")
    assert not empty.rootdir.exists()
