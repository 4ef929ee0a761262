# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole changes in a real directory: staged, active, good, bad, pruned, in check mode and for real."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os

import pytest

from .conftest import FILES, file, tar_of


def content(path):
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def whole(version):
    return {name: data + version.encode() for name, data in FILES.items()}


def everything(root):
    """All that is below root but the lock, to see that nothing changed."""
    paths = [path for path in root.rglob("*") if path.name != ".lock"]
    return {str(p): (os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes()) for p in paths}


def test_a_host_that_was_never_provisioned_has_no_releases(info, root):
    empty = {"active": None, "activation_done": False, "number": 0, "releases": [], "slots": {}, "awaited": None}
    assert info() == {"changed": False, **empty}
    assert not root.exists()


def test_stage_from_a_pushed_file(stage, info, root):
    result = stage("v1")
    assert result["changed"]
    assert {side: result["diff"][side] for side in ("before", "after")} == {
        "before": {"active": None, "activation_done": False, "releases": {}},
        "after": {"active": None, "activation_done": False, "releases": {"v1": "staged"}},
    }
    assert content(root / "releases/v1") == whole("v1")
    assert os.listdir(root / "staging") == []
    assert not (root / "current").exists()
    assert info()["releases"][0]["sha256"]


def test_stage_from_a_store_that_cuts(store, release, make_artifact, root):
    artifact = make_artifact()
    store.content, store.faults = artifact.content, [("cut", 50), ("status", 502), ("stall", 10)]
    result = release("v1", "staged", url=store.url, sha256=artifact.sha256.upper(), fetch_timeout_seconds=0.2)
    assert result["changed"], result
    assert content(root / "releases/v1") == whole("v1")


def test_a_staged_version_is_not_fetched_again(store, release, make_artifact):
    artifact = make_artifact()
    store.content = artifact.content
    given = {"url": store.url, "sha256": artifact.sha256}
    assert release("v1", "staged", **given)["changed"]
    again = release("v1", "staged", **given)
    assert (again["changed"], len(store.requests)) == (False, 1)
    assert again["msg"] == "v1 is staged already"


def test_another_artifact_under_the_same_version_is_refused(stage, release, make_artifact, root):
    stage("v1")
    before = everything(root)
    other = make_artifact("v2")
    result = release("v1", "staged", src=str(other.path), sha256=other.sha256)
    assert result["kind"] == "checksum"
    assert "give the new one a new version" in result["msg"]
    assert everything(root) == before


FAILURES = {
    "a checksum that doesn't match": ({"sha256": "0" * 64}, "checksum", "was promised"),
    "a file that isn't there": ({"src": "/nowhere/a.tar"}, "bad_input", "No such file"),
    "a folder": ({"src": "/usr"}, "bad_input", "is no file"),
    "a bomb": ({"max_bytes": 2000}, "archive", "over the limit of 2000 bytes"),
    "too many files": ({"max_files": 2}, "archive", "over the limit of 2 files"),
    "a command that fails": ({"prepare": [["sh", "-c", "echo no luck; exit 3"]]}, "command", "status 3"),
    "a command that isn't there": ({"prepare": [["no-such-command"]]}, "command", "No such file"),
}


@pytest.mark.parametrize(("params", "kind", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_what_can_not_be_staged_leaves_nothing_and_the_active_release_alone(
    stage, release, make_artifact, root, params, kind, message
):
    stage("v1")
    release("v1", "active")
    before = everything(root)
    artifact = make_artifact("v2")
    result = release("v2", "staged", **{"src": str(artifact.path), "sha256": artifact.sha256, **params})
    assert (result["failed"], result["kind"]) == (True, kind)
    assert message in result["msg"]
    assert everything(root) == before


def test_a_hostile_artifact_is_named_with_its_member(release, tmp_path, root):
    data = tar_of([(file("good"), b"x"), (file("../../evil"), b"x")])
    (tmp_path / "a.tar.gz").write_bytes(data)
    result = release("v1", "staged", src=str(tmp_path / "a.tar.gz"), sha256=hashlib.sha256(data).hexdigest())
    assert result["msg"] == "the artifact of v1 can't be unpacked: '../../evil': leads outside"
    assert os.listdir(root / "releases") == os.listdir(root / "staging") == os.listdir(root / "records") == []


def test_prepare_runs_inside_the_release_before_it_counts(stage, root):
    report = 'printf "%s|" "$RELEASE_ROOT" "$RELEASE_PATH" "$RELEASE_VERSION" "$PWD" "$LANG" > seen'
    stage("v1", prepare=[["sh", "-c", report], ["test", "!", "-e", str(root / "releases/v1")]])
    seen = (root / "releases/v1/seen").read_text().split("|")
    assert seen[0] == str(root)
    assert seen[1] == seen[3]
    assert seen[1].startswith(f"{root}/staging/v1.")
    assert seen[2:5:2] == ["v1", "C.UTF-8"]


def test_activate_switches_then_runs_the_commands(stage, release, root):
    stage("v1", "v2")
    command = ["sh", "-c", 'readlink "$RELEASE_ROOT/current" >> "$RELEASE_ROOT/shared/log"']
    first = release("v1", "active", activate=[command])
    second = release("v2", "active", activate=[command])
    assert (first["previous"], second["previous"]) == (None, "v1")
    assert (root / "shared/log").read_text() == "releases/v1\nreleases/v2\n"
    assert os.readlink(root / "current") == "releases/v2"
    assert second["diff"]["before"]["active"] == "v1"
    assert release("v2", "active", activate=[command])["changed"] is False
    assert (root / "shared/log").read_text().count("\n") == 2


def test_an_activation_that_failed_is_not_done_until_its_commands_succeed(stage, release, info, root):
    stage("v1", "v2")
    release("v1", "active")
    failed = release("v2", "active", activate=[["sh", "-c", "echo broken >&2; exit 1"]])
    assert failed["kind"] == "command"
    assert "broken" in failed["msg"]
    state = info()
    assert (state["active"], state["activation_done"]) == ("v2", False)
    again = release("v2", "active", activate=[["true"]])
    assert (again["changed"], again["previous"]) == (True, "v1")
    assert info()["activation_done"]
    assert release("v1", "active")["active"] == "v1"


@pytest.mark.parametrize("state", ["active", "good", "bad"])
def test_what_is_not_staged_is_refused_with_what_is(stage, release, state, root):
    result = release("v9", state)
    assert result["msg"] == "v9 isn't staged here; staged are: none"
    assert not root.exists()
    stage("v1", "v2")
    result = release("v9", state)
    assert (result["kind"], result["msg"]) == ("not_staged", "v9 isn't staged here; staged are: v1, v2")


def test_a_folder_in_place_of_the_link_is_an_error(stage, release, root):
    stage("v1")
    (root / "current").mkdir()
    assert "is no link" in release("v1", "active")["msg"]
    assert (root / "current").is_dir()


def test_good_bad_and_prune(stage, release, info, root):
    stage("v1", "v2", "v3", "v4", "v5")
    for version in ("v1", "v2", "v3"):
        release(version, "active")
        assert release(version, "good")["changed"]
    assert release("v3", "good", keep_good=5)["pruned"] == ["v4", "v5"]
    stage("v4", "v5")
    assert release("v4", "bad", reason="its gate failed")["changed"]
    assert not release("v4", "bad", reason="its gate failed")["changed"]
    release("v5", "active")
    result = release("v5", "good", keep_good=2)
    assert result["pruned"] == ["v1", "v2", "v4"]
    assert [entry["version"] for entry in result["releases"]] == ["v3", "v5"]
    assert sorted(os.listdir(root / "records")) == ["v3.json", "v5.json"]
    assert os.listdir(root / "staging") == []
    assert release("v5", "good", keep_good=2)["changed"] is False
    assert [entry["state"] for entry in info()["releases"]] == ["good", "good"]


def test_what_somebody_else_put_there_is_no_release_and_stays(stage, release, info, root):
    stage("v1")
    (root / "releases/.backup").mkdir()
    release("v1", "active")
    assert release("v1", "good", keep_good=1)["pruned"] == []
    assert [entry["version"] for entry in info()["releases"]] == ["v1"]
    assert (root / "releases/.backup").is_dir()


CHANGES = {
    "staging": ("v3", "staged", {}),
    "activating": ("v2", "active", {}),
    "activating what is active": ("v1", "active", {}),
    "proving": ("v2", "good", {}),
    "proving and pruning": ("v1", "good", {"keep_good": 1}),
    "condemning": ("v2", "bad", {"reason": "slow"}),
}


@pytest.mark.parametrize(("version", "state", "params"), CHANGES.values(), ids=CHANGES.keys())
def test_check_mode_says_what_happens_then(stage, release, make_artifact, root, version, state, params):
    stage("v0", "v1", "v2")
    release("v0", "good")
    release("v1", "active")
    artifact = make_artifact("v3")
    params = {"src": str(artifact.path), "sha256": artifact.sha256, **params, "number": 7}
    before = everything(root)
    said = release(version, state, check_mode=True, **params)
    assert everything(root) == before
    done = release(version, state, **params)
    assert (said["changed"], said["diff"], said["pruned"]) == (done["changed"], done["diff"], done["pruned"])


def test_check_mode_on_a_fresh_host_follows_the_whole_change(release, root, make_artifact):
    artifact = make_artifact()
    given = {"src": str(artifact.path), "sha256": artifact.sha256, "check_mode": True}
    assert [release("v1", state, **given)["changed"] for state in ("staged", "active", "good", "bad")] == [True] * 4
    assert not root.exists()


def test_a_lower_number_is_refused_and_changes_nothing(stage, release, info, root):
    stage("v1", "v2", number=3)
    release("v1", "active", number=5)
    before = everything(root)
    for state in ("staged", "active", "good", "bad"):
        result = release("v2", state, number=4)
        assert result["kind"] == "superseded"
        assert "number 4, and one with number 5" in result["msg"]
    assert everything(root) == before
    assert info()["number"] == 5
    assert release("v2", "active", number=5)["changed"]


def test_a_lower_number_is_refused_in_check_mode_too(stage, release):
    stage("v1", number=3)
    assert release("v1", "active", number=2, check_mode=True)["kind"] == "superseded"


def test_only_one_at_a_time_and_the_second_says_who(stage, release, root):
    stage("v1")
    with open(root / ".lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("stage v7 (process 4711)    ")
        lock.flush()
        result = release("v1", "active", lock_wait_seconds=0.1)
    assert result["kind"] == "locked"
    assert "is held by stage v7 (process 4711)" in result["msg"]
    assert release("v1", "active")["changed"]


def test_a_record_that_somebody_broke_is_named(stage, info, root):
    stage("v1")
    (root / "records/v1.json").write_text("{")
    assert "records/v1.json can't be understood" in info()["msg"]


def test_what_is_answered_is_json(stage, release):
    assert json.loads(json.dumps(stage("v1")))["version"] == "v1"
