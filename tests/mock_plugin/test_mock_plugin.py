"""The plugin inside mock, as mock's users see it."""

import fcntl
import os
import signal
from pathlib import Path

import pytest
from conftest import on_both_hosts, wait_until


def kill_in_the_middle(machine, *words, until, options=()):
    mock = machine.start(*words, until=until, options=options)
    mock.send_signal(signal.SIGKILL)
    mock.wait()


@on_both_hosts
def test_init_installs_once_and_makes_postinit(machine):
    assert "installing" in machine.ok("init")
    assert machine.list() == ["* postinit"]
    machine.sh("echo trace > /trace")
    assert "installing" not in machine.ok("init")
    assert machine.sh("ls /").split().count("trace") == 0
    assert machine.mounts() == []


def test_a_bootstrap_root_has_a_plugin_of_its_own(machine):
    machine.ok("init", options=["--bootstrap"])
    assert machine.list(options=["--bootstrap"]) == ["* postinit"]


def test_a_days_work(initialized):
    mock = initialized
    mock.sh("echo one > /work")
    mock.ok("snapshot", "one")
    mock.sh("echo two > /work; rm -rf /tmp")
    mock.ok("snapshot", "two")
    assert mock.list() == ["  postinit", "  one", "* two"]
    mock.sh("rm /work")
    mock.ok("clean")
    assert mock.sh("cat /work") == "two\n"
    mock.ok("rollback-to", "one")
    assert mock.list() == ["  postinit", "* one", "  two"]
    assert mock.ok("shell", "cat /work; ls -d /tmp") == "one\n/tmp\n"
    mock.ok("remove-snapshot", "one")
    assert mock.sh("cat /work") == "one\n"
    assert mock.list() == ["  postinit", "  two"]


@on_both_hosts
def test_the_background_is_a_small_process_of_the_hosts_and_holds_nothing_of_mocks(machine):
    machine.ok("init")
    machine.sh("echo dropped > /work")

    def housekeepers():
        return [process for process in machine.processes_of_the_disk() if b"keep_house" in Path(f"/proc/{process}/cmdline").read_bytes()]

    def has_lowest_priority(process):
        return os.getpriority(os.PRIO_PROCESS, process) == 19

    wait_until(lambda: not housekeepers())
    machine.ok("clean")
    wait_until(lambda: any(has_lowest_priority(process) for process in housekeepers()))
    (process,) = filter(has_lowest_priority, housekeepers())
    assert os.readlink(f"/proc/{process}/ns/mnt") == os.readlink(f"/proc/{machine.host.pid}/ns/mnt")
    assert all(os.readlink(f"/proc/{process}/fd/{number}").endswith("/null") for number in (0, 1, 2))  # of the devtmpfs there
    assert os.getsid(process) == process
    wait_until(lambda: not housekeepers())
    assert list((machine.store / "trash").iterdir()) == []
    assert len(list((machine.store / "layers").iterdir())) == 3  # base, postinit, and the upper that the next one to enter will use


def test_names_that_are_taken_unknown_or_not_allowed_change_nothing(initialized):
    mock = initialized
    assert "Ref already exists: postinit !" in mock.fails(1, "snapshot", "postinit")
    assert "Ref does not exist: nope !" in mock.fails(1, "rollback-to", "nope")
    assert "Ref does not exist: nope !" in mock.fails(1, "remove-snapshot", "nope")
    for name in ("../x", "a/../../../x", ".a", "a\nb", ""):
        assert "Invalid snapshot name" in mock.fails(1, "snapshot", name)
    assert "Invalid unique extension" in mock.fails(1, "list-snapshots", options=["--uniqueext=../x"])
    assert mock.list() == ["* postinit"]


def test_a_root_that_nobody_has_used_has_no_snapshots(machine):
    assert machine.list() == []
    assert "Ref does not exist" in machine.fails(1, "rollback-to", "nope")
    machine.ok("umount")
    machine.ok("scrub", "all")
    assert not machine.store.exists()


@on_both_hosts
def test_mount_keeps_the_root_mounted_until_umount(initialized):
    mock = initialized
    mock.ok("mount")
    assert mock.mounts() == ["/mock/test/root plyroot:test"]
    (mock.root / "from-the-host").write_text("seen\n")
    assert mock.sh("cat /from-the-host; echo inside > /from-mock") == "seen\n"
    assert (mock.root / "from-mock").read_text() == "inside\n"
    assert "--umount" in mock.fails(60, "snapshot", "s")
    mock.ok("mount")
    assert mock.mounts() == ["/mock/test/root plyroot:test"]
    mock.ok("umount")
    assert mock.mounts() == []
    mock.ok("snapshot", "s")
    assert mock.sh("cat /from-mock") == "inside\n"


@on_both_hosts
def test_init_and_clean_unmount_what_mount_has_mounted(initialized):
    mock = initialized
    for command in ("init", "clean"):
        mock.ok("mount")
        mock.ok(command)
        assert mock.mounts() == []


@on_both_hosts
def test_an_uninitialised_root_that_is_mounted_stays_so_through_its_first_command(machine):
    machine.ok("mount")
    machine.sh("echo on-top > /work")
    assert machine.mounts() == ["/mock/test/root plyroot:test"]
    assert (machine.root / "work").read_text() == "on-top\n"
    machine.ok("umount")
    assert machine.list() == ["* postinit"]


@on_both_hosts
def test_a_root_that_is_used_on_the_host_is_not_unmounted(initialized):
    mock = initialized
    mock.ok("mount")
    with (mock.root / "open-file").open("w"):
        assert "something uses it" in mock.fails(60, "umount")
        assert mock.mounts() == ["/mock/test/root plyroot:test"]
    mock.ok("umount")


@on_both_hosts
def test_packages_are_built_one_after_the_other(initialized):
    mock = initialized
    mock.ok("rebuild", "echo one > /builddir/one", "ls /builddir; echo two > /builddir/two")
    assert mock.sh("ls /builddir") == "two\n"
    mock.ok("rebuild", "echo three > /builddir/three", "ls /builddir/three", options=["--no-clean"])
    assert mock.mounts() == []


@on_both_hosts
def test_a_build_that_fails_leaves_the_root_to_be_looked_at(initialized):
    mock = initialized
    assert "rpmbuild" in mock.fails(10, "rebuild", "echo half > /builddir/half; false")
    assert mock.mounts() == []
    assert mock.sh("cat /builddir/half") == "half\n"
    mock.ok("snapshot", "failed")
    mock.ok("rebuild", "true")


@on_both_hosts
@pytest.mark.parametrize(("where", "code"), [("installation", 30), ("before-preinit", 70)])
def test_an_init_that_fails_leaves_no_mount_and_no_lock(machine, where, code):
    machine.fails(code, "init", options=["--fail", where])
    assert machine.mounts() == []
    assert machine.list() == []
    assert "installing" in machine.ok("init")
    assert machine.list() == ["* postinit"]


def test_scrub_takes_all_snapshots_of_all_heads(initialized):
    mock = initialized
    mock.ok("snapshot", "s")
    mock.sh("true", options=["--uniqueext", "x"])
    mock.ok("scrub", "chroot")
    assert mock.list() == ["  postinit", "* s"] or mock.list() == ["* postinit", "* s"]
    mock.ok("scrub", "overlayfs")
    assert mock.list() == []
    assert "installing" in mock.ok("init")
    mock.ok("scrub", "all")
    assert mock.list() == []
    assert mock.mounts() == []


@on_both_hosts
@pytest.mark.parametrize("next_command", [
    ["chroot", "cat /before"], ["list-snapshots"], ["snapshot", "s"], ["rollback-to", "postinit"],
    ["init"], ["umount"], ["mount"], ["scrub", "overlayfs"],
])  # fmt: skip
def test_after_a_kill_the_next_command_just_works(initialized, next_command):
    mock = initialized
    mock.sh("echo kept > /before")
    kill_in_the_middle(mock, "chroot", "echo there; exec sleep 1000", until="there")
    mock.ok(*next_command)
    mock.ok("umount")
    mock.ok("snapshot", "afterwards")
    assert mock.mounts() == []


@on_both_hosts
def test_after_a_kill_plyroot_just_works_too(initialized):
    mock = initialized
    kill_in_the_middle(mock, "chroot", "echo there; exec sleep 1000", until="there")
    assert mock.plyroot_ok("--chroot", "--", "/bin/sh", "-c", "echo hello") == "hello\n"
    kill_in_the_middle(mock, "chroot", "echo there; exec sleep 1000", until="there")
    mock.plyroot_ok("--snapshot", "s")


@on_both_hosts
def test_after_a_kill_in_the_installation_the_next_init_begins_anew(machine):
    kill_in_the_middle(machine, "init", until="installing-on", options=["--installation", "echo installing-on; exec sleep 0.2"])
    wait_until(lambda: machine.run("init").returncode == 0)
    assert machine.list() == ["* postinit"]
    assert machine.mounts() == []


def test_each_uniqueext_has_a_state_of_its_own_at_the_same_time(initialized):
    mock = initialized
    a = mock.start("chroot", "echo a > /who; echo there; sleep 0.5; cat /who", options=["--uniqueext", "a"], until="there")
    assert mock.sh("echo b > /who; cat /who", options=["--uniqueext", "b"]) == "b\n"
    assert a.communicate(timeout=60)[0] == "a\n"
    assert a.returncode == 0
    mock.ok("snapshot", "of-a", options=["--uniqueext", "a"])
    assert mock.list(options=["--uniqueext", "a"]) == ["  postinit", "* of-a"]
    assert mock.list(options=["--uniqueext", "b"]) == ["* postinit", "  of-a"]
    assert mock.list() == ["* postinit", "  of-a"]


def test_of_two_that_initialise_at_once_one_installs(machine):
    first = machine.start("init", options=["--uniqueext", "a", "--installation", "sleep 0.5"], until="installing")
    second = machine.start("init", options=["--uniqueext", "b"])
    assert "installing" not in second.communicate(timeout=60)[0]
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert machine.list(options=["--uniqueext", "b"]) == ["* postinit"]


def test_one_who_waits_for_an_installation_can_be_interrupted(machine):
    first = machine.start("init", options=["--uniqueext", "a", "--installation", "echo on; sleep 1000"], until="on")
    second = machine.start("init", options=["--uniqueext", "b"])
    assert "waiting for it" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    second.wait(timeout=60)
    assert second.returncode == 7
    first.kill()


@on_both_hosts
def test_a_root_in_use_is_refused(initialized):
    mock = initialized
    running = mock.start("chroot", "echo there; exec sleep 1000", until="there")
    for words in (["snapshot", "s"], ["rollback-to", "postinit"], ["mount"], ["scrub", "overlayfs"], ["clean"]):
        assert "Build root is locked by another process." in mock.fails(60, *words)
    assert mock.plyroot("--snapshot", "s").returncode == 60
    assert mock.plyroot("--chroot", "--", "/bin/sh", "-c", "true").returncode == 60
    assert mock.list() == ["* postinit"]
    assert running.poll() is None


def test_a_root_that_plyroot_uses_is_refused(initialized):
    mock = initialized
    session = mock.start_plyroot("--chroot", "--", "/bin/sh", "-c", "echo there; sleep 1000", until="there")
    for words in (["chroot", "true"], ["snapshot", "s"], ["mount"]):
        assert "Build root is locked by another process." in mock.fails(60, *words)
    assert mock.sh("echo beside", options=["--uniqueext", "x"]) == "beside\n"
    session.kill()
    session.wait()
    wait_until(lambda: mock.run("snapshot", "s").returncode == 0)


@pytest.mark.parametrize("machine", ["shared"], indirect=True)  # elsewhere mock itself sees an empty directory
def test_a_second_mock_joins_where_the_host_shares_its_mounts(initialized):
    mock = initialized
    running = mock.start("chroot", "echo first > /first; echo there; sleep 0.5", until="there")
    second = mock.start("chroot", "cat /first; echo there; sleep 1; echo second > /second", until="there")
    running.communicate(timeout=60)
    second.communicate(timeout=60)
    assert (running.returncode, second.returncode) == (0, 0)
    assert mock.mounts() == []
    assert mock.sh("cat /first /second") == "first\nsecond\n"


@on_both_hosts
def test_plyroot_and_the_plugin_take_turns(initialized):
    mock = initialized
    mock.sh("echo by-mock > /work")
    assert mock.plyroot_ok("--chroot", "--", "/bin/sh", "-c", "cat /work; echo by-plyroot >> /work") == "by-mock\n"
    mock.plyroot_ok("--snapshot", "both")
    assert mock.sh("cat /work") == "by-mock\nby-plyroot\n"
    assert mock.list() == mock.plyroot_ok("--list-snapshots").splitlines() == ["  postinit", "* both"]
    mock.plyroot_ok("--mount")
    assert mock.mounts() == ["/mock/test/root plyroot:test"]
    assert mock.sh("cat /work") == "by-mock\nby-plyroot\n"
    mock.ok("umount")
    assert mock.mounts() == []
    mock.ok("rollback-to", "postinit")
    mock.plyroot_ok("--remove-snapshot", "both")
    assert mock.list() == ["* postinit"]


def test_a_hundred_snapshots_on_top_of_each_other(initialized):
    mock = initialized
    mock.ok("pile-up", "100", "echo x >> /all; n=0; while [ -e /file-$n ]; do n=$((n+1)); done; echo > /file-$n")
    assert mock.sh("cat /all").split() == 100 * ["x"]
    assert len([name for name in mock.sh("ls /").split() if name.startswith("file-")]) == 100
    mock.ok("rollback-to", "s41")
    assert mock.sh("cat /all").split() == 42 * ["x"]
    assert len(mock.list()) == 101


def upper_of(mock):
    return max((mock.store / "layers").iterdir(), key=lambda path: int(path.name.split("-")[0])) / "fs"


def test_the_rpm_database_is_touched_before_packages_are_installed(initialized):
    mock = initialized
    mock.sh("true")
    assert not (upper_of(mock) / "var/lib/rpm/rpmdb.sqlite").exists()
    mock.ok("install", "true")
    assert (upper_of(mock) / "var/lib/rpm/rpmdb.sqlite").exists()


def test_the_rpm_database_is_touched_at_each_mount_with_touch_rpmdb(initialized):
    mock = initialized
    mock.ok("mount", options=["--option", "touch_rpmdb"])
    assert (upper_of(mock) / "var/lib/rpm/rpmdb.sqlite").exists()


def test_trace_hooks_says_what_is_called(initialized):
    done = initialized.run("chroot", "true", options=["--option", "trace_hooks"])
    hooks = [line.removeprefix("INFO: overlayfs: hook ") for line in done.stderr.splitlines() if " hook " in line]
    assert hooks == ["mount_root", "preinit", "postinit", "postumount"]


def test_what_mocks_own_plugin_left_is_taken_over(machine):
    base, first, upper = ("00000000-0000-0000-0000-00000000000" + digit for digit in "123")
    machine.store.mkdir(parents=True)
    for name, parent in ((base, None), (first, base), (upper, first)):
        layer = machine.store / "layers" / name
        (layer / "fs").mkdir(parents=True)
        (layer / "refcounter").write_text("1")
        if parent:
            (layer / "parent").write_text(parent)
        if name != upper:
            (layer / "immutable").write_text("")
    (machine.store / "refs").mkdir()
    for ref, layer in ((".base", base), (".current", first), (".upper", upper), ("mine", first)):
        (machine.store / "refs" / ref).write_text(layer)
    (machine.store / "layers" / first / "fs" / "file").write_text("of the snapshot\n")
    (machine.store / "layers" / upper / "fs" / "newer").write_text("since then\n")

    lock = machine.root.parent / "buildroot.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)  # as a mock that works on the root
        assert "a running mock works on this root" in machine.fails(60, "list-snapshots")
    assert machine.list() == ["* mine"]
    machine.ok("mount")
    assert (machine.root / "file").read_text() == "of the snapshot\n"
    assert (machine.root / "newer").read_text() == "since then\n"
    machine.ok("umount")
    assert (machine.store / "locks" / "mount.lock").is_dir()
