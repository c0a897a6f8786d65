"""Snapshots, as a user works with them."""

import os
import pty
import subprocess


def test_the_end_of_an_init_makes_postinit_by_itself(root):
    assert root.list() == ["* postinit"]


def test_a_days_work(root):
    root.sh("echo one > /work")
    root.ok("--snapshot", "one")
    root.sh("echo two > /work; rm -rf /usr/share/perl5")
    root.ok("--snapshot", "two")
    assert root.list() == ["  postinit", "  one", "* two"]

    root.sh("rm -rf /usr/bin")  # a root broken on purpose
    assert root.run("--chroot", "ls").returncode != 0
    root.ok("--clean")
    assert root.sh("cat /work") == "two\n"

    root.ok("--rollback-to", "one")
    assert root.list() == ["  postinit", "* one", "  two"]
    assert root.sh("cat /work; test -d /usr/share/perl5 && echo there") == "one\nthere\n"

    root.ok("--remove-snapshot", "one")
    assert root.list() == ["  postinit", "  two"]
    assert root.sh("cat /work") == "one\n"


def test_snapshots_with_nothing_between_them_are_all_current(root):
    root.sh("touch /file")
    root.ok("--snapshot", "a")
    root.ok("--snapshot", "b")
    assert root.list() == ["  postinit", "* a", "* b"]


def test_a_later_init_starts_from_postinit_and_installs_nothing(root):
    root.sh("touch /trace")
    done = root.run("--init")
    assert done.returncode == 0
    assert "installing minimal buildroot" not in done.stderr
    assert root.sh("ls /trace 2>/dev/null || echo gone") == "gone\n"


def test_a_changed_configuration_is_said_in_one_warning(root):
    done = root.run("--config-opts", "chroot_additional_packages=zip", "--init")
    assert done.returncode == 0
    assert done.stderr.count("WARNING") == 1
    assert "the configuration has changed since the snapshot postinit" in done.stderr


def test_removing_the_current_snapshot_and_postinit_is_safe(root):
    root.sh("echo kept > /kept")
    root.ok("--snapshot", "s")
    root.ok("--remove-snapshot", "postinit")
    root.ok("--remove-snapshot", "s")
    assert root.list() == []
    assert root.sh("cat /kept") == "kept\n"
    root.ok("--clean")
    assert root.sh("cat /kept") == "kept\n"


def test_names_that_are_taken_unknown_or_not_allowed_change_nothing(root):
    root.sh("echo kept > /kept")
    root.ok("--snapshot", "a")
    assert "Ref already exists: a !" in root.fails(1, "--snapshot", "a")
    assert "Ref does not exist: nope !" in root.fails(1, "--rollback-to", "nope")
    assert "Ref does not exist: nope !" in root.fails(1, "--remove-snapshot", "nope")
    for name in ("../x", "a/../../../x", "a b", ".a", "a\nb", "x" * 65, "\N{SNOWMAN}", ""):
        assert "Invalid snapshot name" in root.fails(1, "--snapshot", name)
    assert "Requires a snapshot name" in root.fails(50, "--snapshot")
    root.fails(5, "--snapshot", "b", "c")
    assert root.list() == ["  postinit", "* a"]


def test_a_name_of_another_head_that_is_not_allowed_is_refused(root):
    for name in ("../x", "a/b", "-x", "a\n"):
        assert "Invalid unique extension" in root.fails(1, f"--uniqueext={name}", "--list-snapshots")


def test_where_overlayfs_is_off_the_commands_say_so_in_mocks_words(empty):
    off = ["--disable-plugin", "overlayfs"]
    for command, feature in ((["--snapshot", "a"], "make_snapshot"), (["--rollback-to", "a"], "rollback_to"),
                             (["--remove-snapshot", "a"], "remove_snapshot"), (["--list-snapshots"], "list_snapshots")):
        assert f"ERROR: Feature {feature} is not provided by any of enabled plugins" in empty.fails(1, *off, *command)


def test_two_heads_of_one_root_are_used_at_the_same_time(root):
    root.sh("echo main > /who")
    root.ok("--snapshot", "s")
    x = ["--uniqueext", "x"]
    holder = root.start_and_wait_for("ready", *x, "--chroot", "--", "sh", "-c", "echo x > /who; echo ready; exec sleep 100")
    try:
        assert root.sh("cat /who") == "main\n"
        root.ok("--snapshot", "t")  # x being in use does not matter to the main head
        assert root.sh("cat /who", *x) == "x\n"
        assert root.ok(*x, "-p").rstrip("/\n").endswith("plyroot-test-x86_64-x/root")
    finally:
        root.ok(*x, "--orphanskill")
        holder.wait()
    root.ok(*x, "--snapshot", "of-x")
    assert root.list(*x) == ["  postinit", "  s", "  t", "* of-x"]
    root.ok("--rollback-to", "of-x")
    assert root.sh("cat /who") == "x\n"
    root.ok(*x, "--scrub", "chroot")
    assert root.sh("cat /who") == "x\n"


def test_scrubbing_overlayfs_leaves_other_configurations_alone(empty, distribution, tmp_path):
    other = type(empty)(empty.disk, distribution, extra=["--config-opts", "root=other"])
    empty.ok("--snapshot", "mine")
    other.ok("--snapshot", "theirs")
    empty.ok("--scrub", "overlayfs")
    assert empty.list() == []
    assert other.list() == ["* theirs"]
    empty.ok("--scrub", "all")
    assert other.list() == ["* theirs"]


def test_what_was_dropped_is_off_the_disk_when_a_command_was_told_to_wait(root):
    root.sh("mkdir /big; for i in $(seq 500); do echo $i > /big/$i; done")
    root.ok("--clean", "--wait")
    assert list((root.base_dir / root.root_name / "trash").iterdir()) == []


def test_what_is_done_to_the_layers_is_said_where_the_configuration_wants_it(root):
    traced = ["--plugin-option", "overlayfs:trace_hooks=True"]
    assert "INFO: overlayfs: take snapshot s" in root.run(*traced, "--snapshot", "s").stderr
    assert "INFO: overlayfs: roll back to s" in root.run(*traced, "--rollback-to", "s").stderr
    assert "overlayfs:" not in root.run("--clean").stderr


def test_what_is_waited_for_is_off_the_disk_and_a_terminal_shows_how_far_it_has_come(root):
    root.sh("mkdir -p /many/deep; for i in $(seq 500); do : > /many/deep/$i; done")
    ours, terminal = pty.openpty()
    try:
        subprocess.run(root.command("--clean", "--wait"), stdin=subprocess.DEVNULL, stderr=terminal, check=True, timeout=300)
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(terminal)
    assert "removing [####" in shown and "100%" in shown
    assert not list((root.base_dir / root.root_name / "trash").iterdir())
    assert root.sh("ls -d /many 2>/dev/null || echo gone") == "gone\n"
