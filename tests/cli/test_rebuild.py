"""SRPM to RPM, in its plain form."""


def source_package(distribution, name):
    return next((distribution / "srpms").glob(f"{name}-*.src.rpm"))


def test_a_source_package_becomes_packages_and_logs(root, distribution):
    done = root.run("--rebuild", source_package(distribution, "hello-c"))
    assert done.returncode == 0, done.stderr
    results = {path.name for path in root.resultdir.iterdir()}
    assert {"root.log", "state.log", "build.log", "hw_info.log", "installed_pkgs.log"} <= results
    package = next(name for name in results if name.startswith("hello-c-1.0") and name.endswith(".x86_64.rpm"))
    assert any(name.endswith(".src.rpm") for name in results)
    assert "%check" in (root.resultdir / "build.log").read_text()
    root.ok("--no-clean", "--install", root.resultdir / package)
    assert root.sh("rpm -q hello-c").startswith("hello-c-1.0")


def test_its_dependencies_can_be_installed_alone(root, distribution):
    assert root.run("--chroot", "rpm -q zip").returncode == 1
    root.ok("--installdeps", source_package(distribution, "hello-c"))
    assert root.sh("rpm -q zip").startswith("zip-")


def test_a_failing_check_keeps_its_logs(root, distribution):
    error = root.fails(1, "--rebuild", source_package(distribution, "failing-check"))
    assert "ERROR: Command failed" in error
    assert "Bad exit status" in (root.resultdir / "build.log").read_text()


def test_a_missing_build_requirement_is_named(root, distribution):
    error = root.fails(30, "--rebuild", source_package(distribution, "missing-buildrequires"))
    assert "no-such-thing" in error


def test_what_is_no_source_package_is_refused(root, tmp_path):
    (tmp_path / "x.src.rpm").write_text("no package")
    assert root.run("--rebuild", tmp_path / "x.src.rpm").returncode not in (0, 1)
    assert root.run("--rebuild", tmp_path / "missing.src.rpm").returncode != 0


def test_a_package_for_all_architectures_is_built(root, distribution):
    root.ok("--rebuild", source_package(distribution, "noarch-tool"))
    assert any(path.name.endswith(".noarch.rpm") for path in root.resultdir.iterdir())
