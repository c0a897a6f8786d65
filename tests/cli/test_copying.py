"""--copyin and --copyout."""


def test_files_and_directories_go_in_and_come_out_again(root, tmp_path):
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "file").write_text("content")
    (tree / "tool").write_text("#!/bin/sh\necho runs\n")
    (tree / "tool").chmod(0o755)
    root.ok("--copyin", tree, "/opt/tree")
    assert root.sh("/opt/tree/tool; cat /opt/tree/below/file") == "runs\ncontent"
    root.ok("--copyin", tree / "tool", "/usr/bin")
    assert root.sh("tool") == "runs\n"

    out = tmp_path / "out"
    root.ok("--copyout", "/opt/tree", out)
    assert (out / "below" / "file").read_text() == "content"
    many = tmp_path / "many"
    many.mkdir()
    root.ok("--copyout", "/etc/*release", "/etc/host*", many)
    assert (many / "hosts").exists()


def test_links_come_out_as_links_and_lead_nowhere_on_the_way(root, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    root.sh(f"ln -s {secret} /opt/link; ln -s {tmp_path} /opt/directory")
    root.ok("--copyout", "/opt/link", tmp_path / "copy")
    assert (tmp_path / "copy").is_symlink()
    root.fails(50, "--copyout", "/opt/directory/secret", tmp_path / "copy2")
    (tmp_path / "source").write_text("x")
    root.run("--copyin", tmp_path / "source", "/opt/directory/planted")
    assert not (tmp_path / "planted").exists()
    root.ok("--copyin", tmp_path / "source", "/opt/link")
    assert secret.read_text() == "secret"


def test_mocks_errors_are_ours(root, tmp_path):
    assert "No such file or directory: /no/such" in root.fails(50, "--copyin", "/no/such", "/opt")
    assert "/no/such not found" in root.fails(50, "--copyout", "/no/such", tmp_path)
    root.fails(50, "--copyin", "/etc/passwd")
    assert "is not a directory!" in root.fails(50, "--copyin", "/etc/passwd", "/etc/group", "/opt/nowhere")


def test_a_link_that_leads_back_is_not_copied_without_an_end(root, tmp_path):
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "below" / "back").symlink_to("../..")
    error = root.fails(1, "--copyin", tmp_path / "tree", "/opt/tree")
    assert "by the link back" in error
    assert root.sh("find /opt/tree -name tree | wc -l").strip() == "2"  # itself, and what the link led to
