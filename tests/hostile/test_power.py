"""What root can do inside a session, and what a hostile program there can reach of plyroot and of the host."""

import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

from plyroot_on_disk import SOURCE
from conftest import FULL, attempts, make_package

JOINS = 5_000 if FULL else 200
REFUSED = {"EPERM", "EACCES"}

# What the probe tries, in words. Some kernels do not have what is tried: then nobody can do it.
WHAT_NO_BUILD_NEEDS = {
    "load_a_kernel_module": ("init_module", {"ENOSYS"}),
    "remove_a_kernel_module": ("delete_module", {"ENOSYS"}),
    "use_io_ports": ("ioperm", {"ENOSYS"}),
    "raise_its_io_privilege_level": ("iopl", {"ENOSYS"}),
    "read_the_machines_memory": ("open_mem", {"ENXIO"}),
    "read_the_kernels_memory": ("kcore", {"ENOENT"}),
    "set_the_clock": ("clock_settime", set()),
    "adjust_the_clock": ("adjtimex", set()),
    "reboot_the_machine": ("reboot", set()),
    "load_another_kernel": ("kexec_load", {"ENOSYS"}),
    "read_the_kernels_log": ("syslog", set()),
    "load_a_bpf_program": ("bpf", {"ENOSYS"}),
    "watch_all_processes_of_the_machine": ("perf_event_open", {"ENOSYS", "ENOENT"}),
    "read_the_audit_log": ("audit_read", {"EPROTONOSUPPORT"}),
    "open_files_by_their_handles": ("open_by_handle_at", {"EOPNOTSUPP"}),
    "make_a_file_immutable": ("immutable", {"ENOTTY", "EOPNOTSUPP"}),
    "wake_the_machine_up": ("timer_alarm", {"EOPNOTSUPP"}),
    "switch_accounting_of_processes": ("acct", {"ENOSYS"}),
    "hang_up_a_terminal": ("vhangup", set()),
    "switch_swap_on": ("swapon", set()),
    "switch_swap_off": ("swapoff", set()),
    "set_quotas": ("quotactl", {"ENOSYS"}),
    "set_quotas_by_a_descriptor": ("quotactl_fd", {"ENOSYS"}),
    "trace_the_first_process_of_the_session": ("ptrace_init", set()),
    "pull_the_emergency_brake": ("sysrq", {"EROFS", "ENOENT"}),
    "choose_who_gets_core_dumps": ("core_pattern", {"EROFS"}),
    "choose_who_loads_modules": ("modprobe_path", {"EROFS", "ENOENT"}),
}


@pytest.fixture(scope="module")
def armed(initialized, probe):
    """A root with the probe in it."""
    initialized.ok("--copyin", probe, "/probe")
    initialized.ok("--snapshot", "armed")
    yield initialized
    initialized.run("--orphanskill")
    initialized.ok("--rollback-to", "postinit")
    initialized.ok("--remove-snapshot", "armed")


@pytest.fixture(autouse=True)
def nothing_left_over(armed):
    armed.ok("--clean")


@pytest.fixture(scope="module")
def tried(armed):
    return attempts(armed.sh("/probe capabilities"))


@pytest.mark.parametrize("what", WHAT_NO_BUILD_NEEDS)
def test_root_in_a_session_cannot(what, tried):
    attempt, not_there = WHAT_NO_BUILD_NEEDS[what]
    assert tried[attempt] in REFUSED | not_there


def names_of(mask: int) -> set[str]:
    header = Path("/usr/include/linux/capability.h").read_text()
    numbers = {int(number): name for name, number in re.findall(r"^#define (CAP_[A-Z_]+)\s+(\d+)$", header, re.MULTILINE)}
    return {name for number, name in numbers.items() if mask & 1 << number}


def kept(status: str) -> dict[str, set[str]]:
    return {name: names_of(int(mask, 16)) for name, mask in re.findall(r"^Cap(\w+):\s*([0-9a-f]+)$", status, re.MULTILINE)}


def documented_to_be_kept(heading: str) -> set[str]:
    """The names in the list that follows a heading of docs/sessions.md, as far as this machine lets us have them."""
    listed = (SOURCE / "docs" / "sessions.md").read_text().split(heading, 1)[1].split("\n\n", 2)[1]
    return set(re.findall(r"`(CAP_[A-Z_]+)`", listed)) & kept(Path("/proc/self/status").read_text())["Bnd"]


def power_of_root(capabilities: set[str]) -> dict[str, set[str]]:
    """All of them at hand, none of them for others, and no way to more."""
    return {"Inh": set(), "Prm": capabilities, "Eff": capabilities, "Bnd": capabilities, "Amb": set()}


def test_root_keeps_the_capabilities_that_the_documentation_lists(armed):
    documented = documented_to_be_kept("What root keeps in a session")
    assert kept(armed.sh("cat /proc/self/status")) == power_of_root(documented)
    of_the_network = {"CAP_NET_ADMIN", "CAP_NET_RAW"}
    assert kept(armed.sh("cat /proc/self/status", "--enable-network")) == power_of_root(documented - of_the_network)


def test_the_build_user_keeps_none(armed):
    seen = kept(armed.ok("--unpriv", "--chroot", "cat /proc/self/status"))
    assert seen["Eff"] == seen["Prm"] == seen["Inh"] == seen["Amb"] == set()
    # What a program that is root's by its mode can get back is what root has.
    assert seen["Bnd"] <= documented_to_be_kept("What root keeps in a session")


def test_what_the_caller_passes_on_to_its_programs_is_not_passed_on_into_the_root(armed):
    generous = ["setpriv", "--inh-caps", "+sys_time,+sys_module,+sys_boot"]
    done = subprocess.run([*generous, *armed.command("--chroot", "cat /proc/self/status")], capture_output=True, text=True, check=True)
    assert kept(done.stdout)["Eff"] & {"CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_BOOT"} == set()
    assert kept(done.stdout)["Inh"] == set()


def test_the_processes_of_plyroot_show_nothing_of_themselves(armed):
    """Two commands, one of them the package manager's keeper with all the power of its caller."""
    other = armed.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "echo ready; exec sleep 1000", env={**os.environ, "SECRET": "canary"})
    try:
        seen = attempts(armed.sh("/probe processes"))
        assert [line for line in seen if line.startswith("/proc/1/")]
        assert {line: how for line, how in seen.items() if line.startswith("/proc/1/") and how == "OK"} == {}
    finally:
        other.kill()
        other.wait()


def test_a_process_that_is_about_to_execute_its_program_shows_nothing_either(armed):
    """A command that joins a session is plyroot's own image in there, until it has executed what it is to run."""
    spy = armed.start("--chroot", "--", "/probe", "spy", "canary-of-the-caller", stdin=subprocess.PIPE)
    environment = {**os.environ, "CANARY": "canary-of-the-caller"}
    joined = 0
    while joined < JOINS or not select.select([spy.stdout], [], [], 0)[0]:
        joining = [armed.start("--chroot", "--", "/bin/true", env=environment) for _ in range(4)]
        assert [command.wait() for command in joining] == [0] * 4, joining[0].stderr.read()
        joined += 4
        assert joined < 20_000, "no process was seen before it had executed its program"
    seen = attempts(spy.communicate(timeout=60)[0])
    assert spy.returncode == 0
    programs = {line.removeprefix("program:") for line in seen if line.startswith("program:")}
    assert programs <= {"/usr/bin/true"}
    assert set(seen) - {f"program:{program}" for program in programs} == {"unshown"}


def test_root_in_a_session_finds_no_layers_when_it_breaks_out_of_a_chroot(armed):
    seen = attempts(armed.sh(f"/probe escape {armed.base_dir}"))
    assert seen["chroot_out"] == "OK"  # as root can: what it finds there is what matters
    assert seen["read_store"] == "ENOENT"
    assert seen["unmount"] == "ENOENT"
    assert armed.sh(f"ls -d {armed.base_dir} {armed.basedir} 2>/dev/null || echo none") == "none\n"


def test_a_program_cannot_type_into_the_callers_terminal(armed, tmp_path):
    """Neither where its streams are files, nor where they are the terminal itself."""
    for redirections in ("</dev/null >{out} 2>&1", "2>{out}", ""):
        out = tmp_path / "out"
        child, master = pty.fork()
        if child == 0:
            command = " ".join(armed.command("--chroot", "--", "/probe", "terminal")) + " " + redirections.format(out=out)
            os.execv("/bin/sh", ["sh", "-c", command + f"; cat {out} 2>/dev/null; stty -icanon -echo min 0 time 5; head -c 1 | od -c | sed 's/^/typed: /'"])
        seen = b""
        try:
            while piece := os.read(master, 4096):
                seen += piece
        except OSError:  # the other end has gone
            pass
        os.waitpid(child, 0)
        os.close(master)
        if redirections.startswith("<"):
            assert b"open_dev_tty ENXIO" in seen, seen
        assert b"typed: 0000000" in seen, seen
        assert b"typed: 0000000   x" not in seen, seen


def test_an_interrupt_reaches_all_that_a_command_runs(armed):
    """Though it has no terminal: what is started in the root is no part of the caller's group of processes."""
    process = armed.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "trap : INT; sh -c 'echo ready; exec sleep 1000'; echo $?")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "130\n"


@pytest.fixture
def hostile_package(tmp_path, armed):
    return lambda script: make_package(armed.disk / tmp_path.name, post=script)


def test_a_scriptlet_that_breaks_out_of_its_chroot_finds_no_layers_and_can_change_no_mount(armed, hostile_package):
    package = hostile_package(f"/probe escape {armed.base_dir} > /escaped; cat /proc/self/status > /power; /probe device /full > /device")
    armed.ok("--install", package)
    seen = attempts(armed.sh("cat /escaped"))
    assert seen["chroot_out"] == "OK"  # as root can: what it finds there is what matters
    assert seen["read_store"] == "ENOENT"
    for attempt in ("remount", "unmount", "mount"):
        assert seen[attempt] in REFUSED, attempt
    assert seen["write_host"] == "EROFS"
    documented = documented_to_be_kept("What the package manager keeps")
    assert kept(armed.sh("cat /power")) == power_of_root(documented)
    assert attempts(armed.sh("cat /device")) == {"mknod": "OK", "open_device": "EACCES"}


def test_a_scriptlet_sees_the_processes_of_its_session_only(armed, hostile_package):
    package = hostile_package("/probe escape / > /dev/null; /probe processes > /seen")
    armed.ok("--install", package)
    seen = attempts(armed.sh("cat /seen"))
    assert {line for line in seen if line.startswith("/proc/1/") and seen[line] == "OK"} == set()


def test_a_scriptlet_has_no_terminal(armed, hostile_package):
    package = hostile_package("/probe terminal > /seen")
    child, master = pty.fork()
    if child == 0:
        os.execv(armed.command()[0], armed.command("--install", str(package)))
    try:
        while os.read(master, 4096):
            pass
    except OSError:  # the other end has gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(master)
    assert attempts(armed.sh("cat /seen"))["open_dev_tty"] == "ENXIO"
