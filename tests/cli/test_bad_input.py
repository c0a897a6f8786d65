"""What users get wrong, and what machines do to them: a clear message, mock's exit code, nothing lost."""

import subprocess

import pytest

from plyroot_on_disk import PROGRAM, Disk, Plyroot


def test_an_unknown_configuration(root):
    done = subprocess.run([PROGRAM, "-r", "nosuchcfg", "-l"], capture_output=True, text=True)
    assert done.returncode == 3
    assert "ERROR: Non-existing Mock config 'nosuchcfg'" in done.stderr


def test_a_configuration_with_an_error_names_file_and_line(tmp_path):
    (tmp_path / "site-defaults.cfg").write_text("")
    (tmp_path / "broken.cfg").write_text("config_opts['root'] = 'x'\n\nthis is no python\n")
    tmp_path.chmod(0o755)
    done = subprocess.run([PROGRAM, "--configdir", tmp_path, "-r", "broken", "-l"], capture_output=True, text=True)
    assert done.returncode == 3
    assert "broken.cfg" in done.stderr and "3" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_options_and_those_that_are_not_there_yet(root):
    root.fails(5, "--no-such-option")
    assert "--chain" in root.fails(5, "--chain", "x.src.rpm")
    assert "nspawn" in root.fails(5, "--isolation", "nspawn", "--init")


def test_a_command_without_its_arguments(root):
    assert "You must specify a command to run with --chroot" in root.fails(50, "--chroot")
    root.fails(50, "--install")


def test_an_ordinary_user_is_told_to_use_sudo(root):
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *root.command("--list-snapshots")],
                          capture_output=True, text=True)
    assert done.returncode != 0
    assert "sudo" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    disk = Disk(tmp_path, "40M")
    yield disk
    disk.close()


def test_a_full_disk_loses_nothing(small_disk, distribution):
    plyroot = Plyroot(small_disk.path, distribution, extra=["--config-opts", "package_manager_max_attempts=1"])
    plyroot.ok("--snapshot", "before")
    done = plyroot.run("--init")  # a root needs ten times as much
    assert done.returncode == 30
    assert "space" in done.stderr.lower()
    assert plyroot.list() == ["* before"]
    plyroot.ok("--snapshot", "after")


def test_a_base_dir_that_cannot_be_written_to(tmp_path, distribution):
    disk = Disk(tmp_path, "40M", "loop,ro")
    try:
        plyroot = Plyroot(disk.path, distribution)
        error = plyroot.fails(1, "--snapshot", "s")
        assert str(disk.path) in error and "base_dir" in error
    finally:
        disk.close()


def test_a_base_dir_on_an_overlay_says_what_helps(tmp_path, disk, distribution):
    place = disk / "overlay-test"
    for name in ("lower", "upper", "work", "merged"):
        (place / name).mkdir(parents=True)
    options = ",".join(f"{key}dir={place / key}" for key in ("lower", "upper", "work"))
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, place / "merged"], check=True)
    try:
        error = Plyroot(place / "merged", distribution).fails(20, "--snapshot", "s")
        assert "lies on an overlay" in error
        assert "volume" in error and "tmpfs" in error
        assert list((place / "upper").iterdir()) == []
    finally:
        subprocess.run(["umount", place / "merged"], check=True)


def test_a_missing_package_manager_is_named(empty):
    nowhere = ["--config-opts", "package_manager=nosuch"]
    assert "nosuch" in empty.fails(3, *nowhere, "--init")


def test_root_cache_beside_overlayfs_is_said_once_to_be_pointless(root):
    done = root.run("--plugin-option", "root_cache:age_check=False", "--enable-plugin", "root_cache", "--chroot", "true")
    assert done.returncode == 0
    assert done.stderr.count("pointless") == 1


def test_a_program_called_as_the_first_process_of_a_session_ends_nobody():
    """In a namespace of its own, where it would end the sleeper only."""
    script = 'sleep 100 & (exec -a plyroot-init "$0" --version); kill -0 $! && echo nobody'
    done = subprocess.run(["unshare", "--pid", "--fork", "bash", "-c", script, PROGRAM], stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.stdout.startswith("plyroot ") and done.stdout.endswith("\nnobody\n")
