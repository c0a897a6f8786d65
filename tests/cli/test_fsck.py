"""Whether all that is kept is well, and what is said and done where it is not."""

import json
import shutil


def layers(root):
    return root.base_dir / root.root_name / "layers"


def test_all_is_well_also_while_the_root_is_in_use(root):
    holder = root.start_and_wait_for("ready", "--chroot", "--", "sh", "-c", "rm -r /usr/share; mkdir /usr/share; echo ready; exec sleep 100")
    try:
        assert "all is well" in root.ok("--fsck")
    finally:
        root.ok("--orphanskill")
        holder.wait()
    found = json.loads(root.ok("--fsck", "--json"))
    assert found["well"] and found["format"] == 1 and found["files"] > 1000
    assert found["snapshots"] == {"affected": [], "unaffected": ["postinit"]}
    assert found["heads"] == {"affected": [], "unaffected": [""]}


def test_garbage_is_well_and_repair_collects_it(empty):
    empty.ok("--snapshot", "s")  # leaves nothing to the background, which would collect it
    (layers(empty) / "999" / "fs").mkdir(parents=True)
    found = json.loads(empty.ok("--fsck", "--json"))["findings"]
    assert ("unlisted", "garbage", "layers/999") in [(finding["kind"], finding["severity"], finding["subject"]) for finding in found]
    assert "repair: collected the garbage" in empty.ok("--fsck", "--repair")
    assert not (layers(empty) / "999").exists()


def test_what_was_removed_by_hand_is_named_and_the_rest_still_works(empty):
    for name in ("a", "b", "c"):
        empty.ok("--snapshot", name)
        empty.ok("--mount")
        (empty.rootdir / name).write_text(name)
        empty.ok("--umount")
    empty.ok("--snapshot", "d")
    lost = sorted(layers(empty).iterdir(), key=lambda path: int(path.name.split("-")[0]))[2]  # what b is
    assert (lost / "fs" / "b").exists()
    shutil.rmtree(lost)
    said = empty.run("--fsck")
    assert said.returncode == 1
    assert f"layers/{lost.name} of layer" in said.stdout
    assert "snapshots affected: c, d\n" in said.stdout
    assert "snapshots not affected: a, b\n" in said.stdout
    assert empty.run("--fsck", "--repair").returncode == 1
    assert not lost.exists()
    empty.ok("--rollback-to", "b")
    empty.ok("--remove-snapshot", "c")
    empty.ok("--remove-snapshot", "d")
    assert "all is well" in empty.ok("--fsck")


def test_a_database_that_is_none_leaves_no_name_well(empty):
    empty.ok("--snapshot", "a")
    place = empty.base_dir / empty.root_name
    (place / "store.db").write_bytes(b"no database" * 1000)
    for name in ("1", "2", "3"):
        (place / "trash" / name).mkdir(parents=True)
    said = empty.run("--fsck")
    assert said.returncode == 1
    assert "damage: cannot use the store's database" in said.stdout
    assert "which snapshots and heads are affected cannot be told" in said.stdout
    assert "snapshots affected: none" not in said.stdout
    assert "garbage: 3 directories in trash/ are still to be removed\n" in said.stdout
    found = json.loads(empty.run("--fsck", "--json").stdout)
    assert found["snapshots"] is None and found["heads"] is None
    assert len([finding for finding in found["findings"] if finding["kind"] == "trash"]) == 3


def test_nothing_is_made_where_there_was_nothing(empty):
    assert "all is well" in empty.ok("--fsck", "--repair")
    assert not empty.base_dir.exists()


def test_repair_and_json_go_with_fsck_only(root):
    assert "--repair goes with --fsck only" in root.fails(5, "--clean", "--repair")
    assert "--json goes with --fsck only" in root.fails(5, "-l", "--json")
