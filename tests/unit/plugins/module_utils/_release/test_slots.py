# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases that run from two slots in turn: what a delta touches, and what it leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release import engine
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact_archive import time_of

from .conftest import file, tar_of
from .test_engine import content as everything_in
from .test_full_disk import small_disk
from .test_kill import killed_at

__all__ = ["small_disk"]

MARKERS = (".golden-fleet-yin", ".golden-fleet-yang")
SAME = {f"lib/{number}.php": b"<?php // %d" % number for number in range(50)}


@pytest.fixture
def ship(release, tmp_path):
    """Stages a release of ``files`` (bytes, or a link's target) for the slots; the archive sets all times alike."""

    def run(version, files, **params):
        members = []
        for name, given in files.items():
            linked = {"type": b"2", "linkname": given} if isinstance(given, str) else {}
            members.append((file(name, mtime=1, **linked), b"" if linked else given))
        path = tmp_path / f"{version}.tar.gz"
        if not path.exists():  # the same archive would differ by the second at which it was packed
            path.write_bytes(tar_of(members))
        given = {"src": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "slots": True}
        return release(version, "staged", **{**given, **params})

    return run


@pytest.fixture
def carry(ship, release):
    def run(version, files, **params):
        staged = ship(version, files, **params)
        assert not staged.get("failed"), staged
        done = release(version, "active", slots=True)
        assert not done.get("failed"), done
        return staged, done

    return run


def content(folder):
    """What a release holds; each slot has a file of its own besides."""
    found = everything_in(folder)
    markers = [name for name in MARKERS if found.pop(name, None) is not None]
    assert len(markers) <= 1
    return found


def identities(folder):
    files = [path for path in folder.rglob("*") if not path.is_dir() and path.name not in MARKERS]
    found = {str(path.relative_to(folder)): path.lstat() for path in files}
    return {name: (seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns) for name, seen in found.items()}


def test_the_slots_take_turns_and_the_one_in_use_is_not_touched(carry, ship, info, root):
    carry("1", {"index.php": b"1"})
    assert os.readlink(root / "current") == "slots/yin"
    before = identities(root / "slots/yin")
    ship("2", {"index.php": b"2"})
    assert identities(root / "slots/yin") == before
    assert os.readlink(root / "next") == "slots/yang"
    assert (info()["active"], info()["slots"]) == ("1", {"yin": "1", "yang": "2"})
    ship("1", {"index.php": b"1"})
    assert os.readlink(root / "next") == "slots/yin", "a switch to it that was begun is proven there again"
    carry("2", {"index.php": b"2"})
    assert os.readlink(root / "current") == "slots/yang"
    carry("3", {"index.php": b"3"})
    assert os.readlink(root / "current") == "slots/yin"
    assert content(root / "slots/yin") == {"index.php": b"3"}
    assert content(root / "slots/yang") == {"index.php": b"2"}
    assert sorted(os.listdir(root / "releases")) == ["1", "2", "3"]


def test_files_that_are_the_same_keep_their_inodes_and_times_and_those_that_differ_get_times_of_their_own(carry, root):
    for version in ("1", "2"):
        carry(version, {**SAME, "index.php": version.encode()})
    before = identities(root / "slots/yin")
    _staged, _done = carry("3", {**SAME, "index.php": b"3"})
    after = identities(root / "slots/yin")
    assert {name for name in after if after[name] != before[name]} == {"index.php"}
    seconds = {
        name: {identities(root / "slots" / slot)[name][1] // 10**9 for slot in ("yin", "yang")} for name in after
    }
    assert all(len(times) == 1 for name, times in seconds.items() if name != "index.php")
    assert len(seconds["index.php"]) == 2, "caches tell files apart by whole seconds"


def test_going_back_and_forth_never_gives_two_contents_one_time(carry, root):
    seen = {}
    for turn in range(12):
        version = str(turn % 5)
        carry(version, {"index.php": version.encode(), "same.php": b"same"})
        slot = root / os.readlink(root / "current")
        for name in ("index.php", "same.php"):
            moment = int((slot / name).stat().st_mtime)
            assert seen.setdefault((name, moment), (slot / name).read_bytes()) == (slot / name).read_bytes()


def test_a_file_and_a_folder_that_are_swapped_and_links_that_lead_elsewhere(carry, root):
    carry("1", {"a": b"file", "b/c": b"1", "d/e/f": b"2", "g": b"3", "link": "b/c", "h": "b"})
    carry("2", {"x": b"x"})
    wanted = {"a/file": b"inside", "b": b"a file now", "link": "a/file", "g": b"3", "h/i": b"4"}
    carry("3", wanted)
    slot = root / "slots/yin"
    there = {str(path.relative_to(slot)) for path in slot.rglob("*") if path.is_symlink() or path.is_file()}
    assert there == {*wanted, ".golden-fleet-yin"}
    assert os.readlink(slot / "link") == "a/file"
    assert (slot / "b").read_bytes() == b"a file now"


def test_the_times_are_the_same_on_every_host_and_those_of_our_own_artifacts(carry, root):
    carry("1", {"index.php": b"1", "large": b"x" * 600_000})
    for name, data in (("index.php", b"1"), ("large", b"x" * 600_000)):
        assert int((root / "slots/yin" / name).stat().st_mtime) == time_of(data)


def test_names_in_any_encoding(carry, root):
    odd = os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xab.php")
    carry("1", {odd: b"1", "ä/ö": b"2"})
    carry("2", {odd: b"2"})
    carry("3", {odd: b"3"})
    assert {os.fsencode(name) for name in os.listdir(root / "slots/yin")} == {os.fsencode(odd), b".golden-fleet-yin"}
    assert (root / "slots/yin" / odd).read_bytes() == b"3"


EDITS = {
    "longer": lambda slot: (slot / "index.php").write_bytes(b"edited"),
    "as long, with its old time": lambda slot: quietly(slot / "index.php", b"E"),
    "gone": lambda slot: (slot / "index.php").unlink(),
    "another mode": lambda slot: (slot / "index.php").chmod(0o600),
    "a folder in its place": lambda slot: ((slot / "index.php").unlink(), (slot / "index.php").mkdir()),
    "a link in its place": lambda slot: ((slot / "index.php").unlink(), (slot / "index.php").symlink_to("/etc/passwd")),
}


def quietly(path, data):
    then = path.stat()
    time.sleep(0.02)  # the filesystem's clock has ticks
    path.write_bytes(data)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_the_slot_in_use_edited_by_hand_is_said_and_put_right(carry, release, root, edit):
    carry("1", {**SAME, "index.php": b"1"})
    time.sleep(0.02)
    edit(root / "slots/yin")
    told = release("1", "active", slots=True, check_mode=True)
    assert (told["changed"], told["edited"]) == (True, ["index.php"])
    assert told["diff"]["before"]["edited"] == ["index.php"]
    done = release("1", "active", slots=True)
    assert (done["changed"], done["edited"]) == (True, ["index.php"])
    assert "put right what had been edited by hand: index.php" in done["msg"]
    assert content(root / "slots/yin") == {**SAME, "index.php": b"1"}
    again = release("1", "active", slots=True)
    assert (again["changed"], again["edited"]) == (False, [])


def test_a_file_that_was_put_into_a_slot_goes(carry, ship, root):
    carry("1", {"index.php": b"1"})
    carry("2", {"index.php": b"2"})
    time.sleep(0.02)
    (root / "slots/yin/shell.php").write_bytes(b"evil")
    staged = ship("3", {"index.php": b"3"})
    assert staged["edited"] == ["shell.php"]
    assert content(root / "slots/yin") == {"index.php": b"3"}


def test_a_slot_on_a_copied_disk_is_read_and_nobody_is_accused(carry, ship, release, root, tmp_path):
    for version in ("1", "2"):
        carry(version, {**SAME, "index.php": version.encode()})
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    shutil.rmtree(root)
    shutil.move(tmp_path / "copy", root)
    staged = ship("3", {**SAME, "index.php": b"3"})
    assert staged["edited"] == []
    assert "1 written, 0 removed, 50 left as they were" in staged["msg"]


def test_a_second_run_changes_nothing(carry, ship, release, root):
    carry("1", {**SAME})
    carry("2", {**SAME, "a": b"a"})
    before = identities(root)
    assert not ship("2", {**SAME, "a": b"a"})["changed"]
    assert not release("2", "active", slots=True)["changed"]
    assert not ship("1", {**SAME})["changed"]
    after = identities(root)
    assert {name for name in after if after[name] != before.get(name)} <= {".lock"}


def test_check_mode_says_what_the_run_does(ship, release, root):
    for version in ("1", "2"):
        for state in ("staged", "active"):
            params = {"check_mode": True, "slots": True}
            told = (
                ship(version, {"a": b"a"}, check_mode=True) if state == "staged" else release(version, state, **params)
            )
            done = ship(version, {"a": b"a"}) if state == "staged" else release(version, state, slots=True)
            assert {side: told["diff"][side] for side in ("before", "after")} == {
                side: done["diff"][side] for side in ("before", "after")
            }


def test_a_service_that_had_no_slots_gets_them_and_can_leave_them(ship, release, root):
    ship("1", {"a": b"1"}, slots=False)
    release("1", "active")
    assert os.readlink(root / "current") == "releases/1"
    ship("1", {"a": b"1"})
    assert release("1", "active", slots=True)["changed"]
    assert os.readlink(root / "current") == "slots/yin"
    assert release("1", "active")["changed"]
    assert os.readlink(root / "current") == "releases/1"


def test_what_was_staged_without_slots_is_told_apart_as_well(ship, release, root):
    # Both archives set the same time, and the contents are equally long.
    for version in ("1", "2", "3"):
        ship(version, {"a": version.encode()}, slots=False)
    for version in ("1", "2", "3"):
        assert release(version, "active", slots=True)["changed"]
        assert content(root / "current") == {"a": version.encode()}


def test_requests_that_still_run_in_the_idle_slot_are_waited_for(carry, ship, root):
    quiesce = [["sh", "-c", 'echo "{slot} is busy"; test ! -e "$RELEASE_ROOT/shared/busy"']]
    carry("1", {"a": b"1"}, quiesce=quiesce)
    carry("2", {"a": b"2"}, quiesce=quiesce)
    (root / "shared/busy").touch()
    refused = ship("3", {"a": b"3"}, quiesce=quiesce)
    assert (refused["kind"], f"{root}/slots/yin is busy" in refused["msg"]) == ("command", True)
    assert content(root / "slots/yin") == {"a": b"1"}
    assert os.readlink(root / "current") == "slots/yang"
    (root / "shared/busy").unlink()
    assert ship("3", {"a": b"3"}, quiesce=quiesce)["changed"]
    assert content(root / "slots/yin") == {"a": b"3"}


@pytest.mark.parametrize("state", ["staged", "active"])
def test_killed_anywhere_and_run_again(carry, ship, release, root, tmp_path, state):
    """The slot in use is whole all along, or the other one is in use and whole."""
    files = {"a": b"1", "b/c": b"1", "same": b"same"}
    wanted = {"a": b"3", "b": b"a file now", "d/e": b"new", "same": b"same"}
    carry("1", files)
    carry("2", {**files, "a": b"2"})
    ship("3", wanted, slots=False)
    pristine = tmp_path / "pristine"
    # With the inodes that the records know, as on the disk of a host.
    shutil.move(root, pristine)
    params = {"root": str(root), "version": "3", "state": state, "slots": True}
    step, killed = 0, True
    while killed:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(pristine, root, symlinks=True)
        for slot in ("yin", "yang"):
            record = json.loads((root / f"slots/{slot}.json").read_text())
            record["inode"] = (root / "slots" / slot).stat().st_ino
            (root / f"slots/{slot}.json").write_text(json.dumps(record))
        killed = killed_at(step, params)
        in_use = os.readlink(root / "current")
        assert in_use == "slots/yang" or (state, in_use) == ("active", "slots/yin"), step
        assert content(root / "current") == ({**files, "a": b"2"} if in_use == "slots/yang" else wanted), step
        done = engine.main(params)
        assert not done.get("failed"), (step, done)
        assert done["edited"] == [], step
        assert content(root / "slots/yin") == wanted, step
        assert os.listdir(root / "staging") == [], step
        assert os.readlink(root / "current") == ("slots/yin" if state == "active" else "slots/yang"), step
        step += 1
    assert step > 15, "too few touches were counted: the engine touches the disk by other names now"


def test_a_disk_that_is_full_in_the_middle_of_a_delta_leaves_the_slot_in_use(carry, ship, release, small_disk):
    carry("1", {"a": b"1"})
    carry("2", {"a": b"2", "b": b"2"})
    before = identities(small_disk / "slots/yang")
    # Room for the release, and not for its copy.
    large = {f"{number}": b"0" * 75_000 for number in range(8)}
    refused = ship("3", large)
    assert (refused["kind"], "the disk is full" in refused["msg"]) == ("disk", True)
    assert identities(small_disk / "slots/yang") == before
    assert content(small_disk / "current") == {"a": b"2", "b": b"2"}
    assert os.listdir(small_disk / "staging") == []
    assert ship("4", {"a": b"4"})["changed"]
    assert release("4", "active", slots=True)["changed"]
    assert content(small_disk / "current") == {"a": b"4"}
