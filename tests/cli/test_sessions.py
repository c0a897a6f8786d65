"""What runs in a root, and who shares it."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest
from plyroot_on_disk import PROGRAM


def test_the_exit_status_of_a_command_is_ours(root):
    assert root.run("--chroot", "exit 7").returncode == 7
    assert root.run("--chroot", "--", "/bin/true").returncode == 0
    assert root.run("--chroot", "kill -KILL $$").returncode == 137


def test_one_argument_goes_through_the_roots_shell_and_several_do_not(root):
    assert root.ok("--chroot", "echo $((1 + 1))") == "2\n"
    assert root.ok("--chroot", "--", "echo", "$((1 + 1))") == "$((1 + 1))\n"


def test_a_small_stack_is_enough(root):
    done = subprocess.run(["bash", "-c", 'ulimit -s 256; exec "$@"', "bash", *root.command("--chroot", "echo", "in")],
                          stdout=subprocess.PIPE, text=True, timeout=300)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "in\n")


def test_a_command_that_the_root_does_not_have_is_named(root):
    assert "no program no-such-command" in root.fails(1, "--chroot", "--", "no-such-command", "x")


def test_a_working_directory_that_is_not_there_is_named(root):
    assert "/no/such" in root.fails(1, "--cwd", "/no/such", "--chroot", "--", "true", "x")
    assert root.ok("--cwd", "/usr/bin", "--chroot", "--", "pwd", "-P") == "/usr/bin\n"


def test_nothing_of_the_caller_leaks_in(root):
    read, write = os.pipe()
    os.set_inheritable(write, True)
    seen = root.ok("--chroot", "env; ls /proc/self/fd", pass_fds=[write], env={**os.environ, "SECRET": "leaked", "SSH_AUTH_SOCK": "x"})
    assert "SECRET" not in seen and "SSH_AUTH_SOCK" not in seen
    assert "HOME=/builddir" in seen
    assert seen.split()[-4:] == ["0", "1", "2", "3"]  # ls has the directory itself open
    os.close(read)
    os.close(write)


def test_a_root_has_its_own_processes_host_name_and_no_network(root):
    assert root.sh("echo $$; ls /proc | grep -c '^[0-9]*$'").split()[0] != str(os.getpid())
    assert root.sh("cat /proc/1/comm") == "plyroot-init\n"
    assert root.sh("cat /proc/sys/kernel/hostname") == "mock\n"
    assert root.sh("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '") == "lo\n"
    with_network = root.sh("ls -l /proc/self/ns/net", "--enable-network")
    assert os.readlink("/proc/self/ns/net") in with_network
    assert os.readlink("/proc/self/ns/net") not in root.sh("ls -l /proc/self/ns/net")


def test_a_session_may_use_the_processors_that_its_caller_may(root):
    def processors(status):
        return re.findall(r"Cpus_allowed_list:.*", status)

    all_of_them = os.sched_getaffinity(0)
    for allowed in (all_of_them, {min(all_of_them)}):
        os.sched_setaffinity(0, allowed)
        try:
            mine = processors(open("/proc/self/status").read())
            assert processors(root.sh("cat /proc/1/status /proc/self/status")) == mine * 2
        finally:
            os.sched_setaffinity(0, all_of_them)


def test_sys_is_read_only_and_dev_is_small(root):
    assert "Read-only file system" in root.run("--chroot", "mkdir /sys/x").stderr
    assert set(root.sh("ls /dev").split()) >= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd"}
    assert root.sh("ls /dev | grep -c '^sd\\|^vd\\|^mem$\\|^kmsg$' || true") == "0\n"


def test_commands_of_the_build_user_are_unprivileged(root):
    assert root.ok("--unpriv", "--chroot", "id -un; id -u").split()[0] == "mockbuild"
    assert root.ok("--unpriv", "--chroot", "id -u") != "0\n"


def test_a_second_command_joins_the_session_of_the_first(root):
    first = begin_session(root)
    assert root.sh("cat /dev/shm/seen") == "1\n"
    first.send_signal(signal.SIGTERM)
    assert first.wait() == 143
    assert root.run("--chroot", "cat /dev/shm/seen").returncode == 1  # that session is over


def begin_session(root, **options):
    """A command that is in the root until it is killed, and what tells its session from others."""
    return root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo 1 > /dev/shm/seen; echo ready; exec sleep 100",
                                   **options)  # fmt: skip


def assert_it_ends_with_its_last_command(root, first):
    second = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo ready; exec sleep 100")
    first.kill()
    first.wait()
    assert root.sh("cat /dev/shm/seen") == "1\n"
    second.kill()
    second.wait()
    assert root.run("--chroot", "cat /dev/shm/seen").returncode == 1


statically_linked = pytest.mark.skipif(
    "interpreter" in subprocess.run(["readelf", "-lW", PROGRAM], check=True, stdout=subprocess.PIPE, text=True).stdout,
    reason="a program with an interpreter is not executed in a root, whose interpreter it would run")  # fmt: skip


def wait_until_the_first_process_is_executed_anew(root):
    while not root.ok("--chroot", "--", "cat", "/proc/1/cmdline").startswith("plyroot-init\0"):
        time.sleep(0.05)


@statically_linked
def test_a_session_that_lasts_takes_commands_in_whenever_they_come(root):
    first = begin_session(root)
    wait_until_the_first_process_is_executed_anew(root)  # by one command after the other, each of which joins
    assert_it_ends_with_its_last_command(root, first)


@statically_linked
def test_a_session_goes_on_where_its_first_process_cannot_be_executed_anew(root, tmp_path):
    program = shutil.copy(PROGRAM, tmp_path / "program")
    first = begin_session(root, executable=program)
    program.chmod(0o600)
    time.sleep(1.5)
    assert root.sh("cat /proc/1/comm /dev/shm/seen") == "plyroot-init\n1\n"
    assert not root.sh("cat /proc/1/cmdline").startswith("plyroot-init\0")
    program.chmod(0o700)
    wait_until_the_first_process_is_executed_anew(root)
    assert root.sh("cat /dev/shm/seen") == "1\n"
    first.kill()
    first.wait()


def test_the_session_ends_with_the_last_command_whichever_that_is(root):
    first = begin_session(root)
    assert_it_ends_with_its_last_command(root, first)


def test_a_process_that_is_left_behind_ends_with_its_session(root):
    marker = f"sleep 4{os.getpid()}"
    root.sh(f"setsid {marker} </dev/null >/dev/null 2>&1 &")
    root.ok("--snapshot", "afterwards")  # not refused: nothing is in use any more
    assert marker not in subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True).stdout


def test_a_root_in_use_is_neither_moved_nor_dropped_and_its_users_are_named(root):
    marker = f"5{os.getpid()}"
    user = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", f"echo ready; exec sleep {marker}")
    try:
        while marker not in (root.resultdir / "root.log").read_text():
            time.sleep(0.01)  # the logs are written while the program runs
        logs = {log.name: log.read_bytes() for log in root.resultdir.iterdir()}
        for command in (["--snapshot", "s"], ["--rollback-to", "postinit"], ["--clean"], ["--init"], ["--scrub", "overlayfs"], ["--scrub", "all"]):
            error = root.fails(60, *command)
            assert "ERROR: Build root is locked by another process." in error
            assert f"sleep {marker}" in error, command
        assert root.list() == ["* postinit"]
        assert {log.name: log.read_bytes() for log in root.resultdir.iterdir()} == logs
    finally:
        root.ok("--orphanskill")
    assert user.wait() == 137
    root.ok("--snapshot", "s")


def test_the_next_command_just_works_after_a_kill(root):
    victim = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo kept > /kept; echo ready; exec sleep 100")
    victim.kill()
    victim.wait()
    root.ok("--list-snapshots")
    root.ok("--snapshot", "s")
    assert root.sh("cat /kept") == "kept\n"
    root.ok("--scrub", "chroot")


def test_signals_are_handed_on(root):
    process = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "caught\n"
    assert process.wait() == 3


def test_a_mounted_root_is_seen_by_the_host_until_it_is_unmounted(root):
    root.sh("echo inside > /file")
    root.ok("--mount")
    assert (root.rootdir / "file").read_text() == "inside\n"
    (root.rootdir / "from-host").write_text("from the host\n")
    assert root.sh("cat /from-host") == "from the host\n"  # one superblock, no second one
    assert "--umount" in root.fails(60, "--clean")
    root.ok("--umount")
    assert not (root.rootdir / "file").exists()
    assert root.sh("cat /from-host") == "from the host\n"


def test_mounting_a_root_that_a_session_uses_shows_the_same_root(root):
    user = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo 1 > /shared; echo ready; exec sleep 100")
    root.ok("--mount")
    assert (root.rootdir / "shared").read_text() == "1\n"
    user.kill()
    user.wait()
    assert (root.rootdir / "shared").read_text() == "1\n"
    root.ok("--umount")


def test_a_terminal_becomes_one_of_the_sessions_own(root):
    child, terminal = pty.fork()
    if child == 0:
        os.execv(root.command()[0], root.command("--shell", "--", "tty; stty size; test -t 2 && echo all; exit 4"))
    seen = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end has gone
            break
        if not piece:
            break
        seen += piece
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    assert re.search(rb"^/dev/pts/0\r?$", seen, re.MULTILINE), seen
    assert b"all" in seen


def test_the_root_path_is_printed_as_mock_does(root):
    assert root.ok("-p") == f"{root.rootdir}/"  + "\n" or root.ok("-p") == f"{root.rootdir}/"
    assert root.ok("--print-root-path").strip() == f"{root.rootdir}/"


def test_many_commands_at_once_share_one_session_or_follow_each_other(root):
    processes = [root.start("--chroot", "--", "sh", "-c", f"echo {i} > /many-{i}") for i in range(12)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 12
    assert root.sh("cat /many-* | wc -l") == "12\n"


def test_housekeeping_leaves_nothing_running(root):
    root.sh("true")
    deadline = time.monotonic() + 30
    while True:
        running = subprocess.run(["pgrep", "-f", "--", str(root.base_dir)], capture_output=True, text=True).stdout.split()
        if not running:
            return
        assert time.monotonic() < deadline, running
        time.sleep(0.1)
