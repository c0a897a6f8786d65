"""All of mock's own configurations (mock-core-configs) can be evaluated. They are not part of plyroot: the test needs
a copy of them, from PLYROOT_MOCK_CORE_CONFIGS (a directory like /etc/mock) or a mirror of mock's repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

MIRROR = Path("/work/.mirror/rpm-software-management+mock/repo")


@pytest.fixture(scope="module")
def core_configs(tmp_path_factory) -> Path:
    if given := os.environ.get("PLYROOT_MOCK_CORE_CONFIGS"):
        return Path(given)
    if not MIRROR.is_dir():
        pytest.skip("mock-core-configs are not here: set PLYROOT_MOCK_CORE_CONFIGS to a copy of its /etc/mock")
    directory = tmp_path_factory.mktemp("core-configs")
    archive = subprocess.run(["git", "-C", str(MIRROR), "archive", "HEAD", "mock-core-configs/etc/mock"],
                             check=True, capture_output=True)
    subprocess.run(["tar", "x", "-C", str(directory)], input=archive.stdout, check=True)
    return directory / "mock-core-configs/etc/mock"


def test_every_configuration_of_mock_core_configs_is_understood(configurations, core_configs):
    configurations.directory = core_configs
    files = [file for file in sorted(core_configs.glob("*.cfg"))
             if file.name not in ("site-defaults.cfg", "chroot-aliases.cfg")]
    assert len(files) > 200
    problems = []
    for file in files:
        text = file.read_text()
        if "/etc/mock/templates/" in text:  # as installed, they include by their installed path
            file.write_text(text.replace("/etc/mock/templates/", "templates/"))
        answer = configurations.answer(str(file), uniqueext="mine")
        if answer.get("result", {}).get("computes_with_root"):
            problems.append(f"{file.name}: is evaluated for each uniqueext")
        error = answer.get("error", {}).get("message", "")
        if error and "entitlement" not in error:  # Red Hat's need a subscribed host
            problems.append(f"{file.name}: {error}")
    assert problems == []


def test_a_fedora_configuration_has_the_values_that_mock_finds(configurations, core_configs):
    configurations.directory = core_configs
    config = configurations.config("fedora-42-x86_64")
    assert config["root"] == "fedora-42-x86_64"
    assert (config["releasever"], config["dist"], config["package_manager"]) == ("42", "fc42", "dnf5")
    assert config["chroot_setup_cmd"] == ["install", "@buildsys-build"]
    assert config["bootstrap_image"] == "registry.fedoraproject.org/fedora:42"
    assert config["extra_chroot_dirs"] == ["/run/lock"]
    assert "module_platform_id=platform:f42\n" in config["package_manager_conf"]
    assert "user_agent=Mock (fedora-42-x86_64; x86_64)\n" in config["package_manager_conf"]
    assert "enabled=False\n" in config["package_manager_conf"]
    assert "{{" not in config["package_manager_conf"]


def test_an_enterprise_configuration_includes_another_which_includes_a_template(configurations, core_configs):
    configurations.directory = core_configs
    config = configurations.config("alma+epel-9-x86_64")
    names = [Path(path).name for path in config["config_paths"]]
    assert names[-4:] == ["alma+epel-9-x86_64.cfg", "almalinux-9-x86_64.cfg", "almalinux-9.tpl", "epel-9.tpl"]
    assert config["package_manager"] == "dnf4"
    assert "[epel]" in config["package_manager_conf"]
