"""Packages: real dnf, real rpm, real scriptlets."""

import os
import subprocess


def test_an_installed_package_works_and_its_scriptlet_ran(root):
    root.ok("--install", "plyroot-hello")
    assert "1.0" in root.sh("cat /var/lib/plyroot-hello/post-ran; plyroot-hello")
    assert root.sh("rpm -q plyroot-hello").startswith("plyroot-hello-1.0")
    root.ok("--remove", "plyroot-hello")
    assert root.run("--chroot", "rpm -q plyroot-hello").returncode == 1


def test_an_update_comes_from_a_repository_that_is_enabled_for_it(root):
    root.ok("-i", "plyroot-hello")
    root.ok("--enablerepo", "updates", "--update", "plyroot-hello")
    assert root.sh("rpm -q plyroot-hello").startswith("plyroot-hello-2.0")


def test_any_command_of_the_package_manager_can_be_run(root):
    root.ok("--pm-cmd", "install", "plyroot-hello")
    root.ok("--dnf-cmd", "--", "remove", "-y", "plyroot-hello")
    assert root.run("--chroot", "rpm -q plyroot-hello").returncode == 1


def test_a_package_that_does_not_exist_is_named(root):
    error = root.fails(30, "--install", "no-such-package")
    assert "ERROR: Command failed:" in error
    assert "no-such-package" in error
    assert root.sh("echo fine") == "fine\n"


def test_tracing_says_which_programs_are_run(root):
    assert "--installroot" in root.run("--trace", "--install", "plyroot-hello").stderr
    assert "--installroot" not in root.run("--install", "plyroot-hello").stderr


def test_logs_are_in_the_result_directory(root):
    root.ok("--install", "plyroot-hello")
    assert "Installed" in (root.resultdir / "root.log").read_text()
    assert "Finish: chroot init" in (root.resultdir / "state.log").read_text()


def test_the_hosts_own_rpm_database_is_not_touched(root, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    root.ok("--install", "plyroot-hello", env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    assert not (home / ".rpmdb").exists()


def test_a_scriptlet_cannot_write_to_the_host_and_nothing_stays_mounted(root):
    # Other tests mount and unmount things of theirs meanwhile.
    device = root.disk.stat().st_dev
    own_device = f"{os.major(device)}:{os.minor(device)}"

    def own_mounts() -> list[str]:
        lines = subprocess.run(["findmnt", "-rn", "-o", "MAJ:MIN,TARGET,OPTIONS"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [line for line in lines if line.startswith(f"{own_device} ") or str(root.disk) in line]

    before = own_mounts()
    root.ok("--install", "plyroot-hello")
    assert before and own_mounts() == before


def test_links_in_the_root_do_not_lead_the_package_manager_out(root, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    root.sh(f"mkdir -p /var/log /var/lib; rm -rf /var/lib/dnf /var/log/dnf.log; "
            f"ln -s {victim} /var/lib/dnf; ln -s {victim}/log /var/log/dnf.log")
    root.run("--install", "plyroot-hello")  # it may fail: it must not write
    assert list(victim.iterdir()) == []


def test_of_two_first_inits_at_once_one_installs_and_the_other_starts_from_its_postinit(empty):
    both = [empty.start("--init"), empty.start("--uniqueext", "x", "--init")]
    errors = []
    for process in both:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
        errors.append(error)
    assert sum("installing minimal buildroot" in error for error in errors) == 1
    assert empty.list() == ["* postinit"]
    assert empty.list("--uniqueext", "x") == ["* postinit"]


def test_an_init_that_fails_leaves_nothing_behind(empty):
    empty.fails(30, "--config-opts", "chroot_setup_cmd=install no-such-package", "--init")
    assert empty.list() == []
    assert empty.run("--init").returncode == 0


def test_what_a_package_manager_was_killed_in_can_be_cleaned(empty):
    process = empty.start("--init")
    for line in process.stderr:
        if "installing minimal buildroot" in line:
            break
    process.kill()
    process.wait()
    assert empty.list() == []
    empty.ok("--init")
    assert empty.list() == ["* postinit"]


def test_without_overlayfs_a_root_is_a_plain_directory(empty):
    off = ["--disable-plugin", "overlayfs"]
    empty.ok(*off, "--init")
    assert (empty.rootdir / "usr" / "bin" / "bash").exists()
    empty.ok(*off, "--install", "plyroot-hello")
    assert empty.sh("plyroot-hello >/dev/null && echo works", *off) == "works\n"
    empty.ok(*off, "--clean")
    assert not empty.rootdir.exists()
