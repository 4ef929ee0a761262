# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`kill -9` before each single thing that the engine does to the disk; then the same change again.

After each kill the active release is wholly the old or wholly the new one, nothing half-made counts as staged, and the
change run again ends where the unharmed one ends. The order in which things reach the disk is tested beside it: what a
power cut leaves can't be provoked here, but it can't be worse than that order.
"""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from ansible_collections.golden.fleet.plugins.module_utils import _files
from ansible_collections.golden.fleet.plugins.module_utils._release import engine

from .test_engine import content, whole

TOUCHES = ("open", "mkdir", "rename", "unlink", "rmdir", "symlink", "write", "fsync", "fchmod", "utime", "ftruncate")
COMMAND = ["sh", "-c", 'echo "$RELEASE_VERSION" > "$RELEASE_ROOT/shared/running"']


def prepare(stage, release):
    """v0 is good, v1 is good and active, v2 and v3 are staged; what v4 is made of lies ready."""
    stage("v0", "v1", "v2", "v3")
    for version in ("v0", "v1"):
        release(version, "active", activate=[COMMAND])
        release(version, "good")


CHANGES = {
    "staging": ("v4", "staged", {"prepare": [["sh", "-c", "echo v4 > prepared"]]}),
    "activating": ("v2", "active", {"activate": [COMMAND]}),
    "turning back": ("v0", "active", {"activate": [COMMAND]}),
    "proving and pruning": ("v2", "good", {"keep_good": 1}),
    "condemning": ("v2", "bad", {"reason": "slow"}),
}


def killed_at(step, params):
    """Runs the change in a child that kills itself before touch ``step`` of the disk; False if it got through."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(touch):
            def run(*args, **kwargs):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return touch(*args, **kwargs)

            return run

        for name in TOUCHES:
            setattr(os, name, counted(getattr(os, name)))
        # The whole machine's filesystem, once a step, would take minutes; it has its own test.
        _files.os.sync = lambda: None
        engine.main(params)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def leftovers(root):
    records = {name.removesuffix(".json") for name in os.listdir(root / "records")}
    return os.listdir(root / "staging") + sorted(records ^ set(os.listdir(root / "releases")))


def outcome(root):
    """What there is, without the moments at which it came to be."""
    state = engine.main({"operation": "info", "root": str(root)})
    releases = {
        entry["version"]: (entry["state"], content(root / "releases" / entry["version"])) for entry in state["releases"]
    }
    marks = {entry["version"]: (bool(entry["good_at"]), entry["reason"]) for entry in state["releases"]}
    running = (root / "shared/running").read_text()
    return {"active": state["active"], "done": state["activation_done"], "running": running}, releases, marks


@pytest.mark.parametrize(("version", "state", "given"), CHANGES.values(), ids=CHANGES.keys())
def test_killed_anywhere_and_run_again(stage, release, make_artifact, root, tmp_path, version, state, given):
    prepare(stage, release)
    artifact = make_artifact("v4")
    params = {"root": str(root), "version": version, "state": state, "src": str(artifact.path), "number": 3}
    params |= {"sha256": artifact.sha256, **given}
    pristine = tmp_path / "pristine"
    shutil.copytree(root, pristine, symlinks=True)
    assert not engine.main(params).get("failed")
    wanted = outcome(root)
    step, killed = 0, True
    while killed:
        shutil.rmtree(root)
        shutil.copytree(pristine, root, symlinks=True)
        killed = killed_at(step, params)
        assert os.readlink(root / "current") in ("releases/v1", f"releases/{version}"), step
        for name in os.listdir(root / "releases"):
            there = content(root / "releases" / name)
            assert there.pop("prepared", b"v4\n") == b"v4\n", step
            assert there == whole(name), (step, name)
        assert not engine.main(params).get("failed"), step
        assert outcome(root) == wanted, step
        assert leftovers(root) == [], step
        step += 1
    assert step > 8, "too few touches were counted: the engine touches the disk by other names now"


def test_a_tree_is_on_the_disk_before_it_has_its_name_and_a_marker_before_the_link(
    stage, release, make_artifact, root, monkeypatch
):
    events = []

    def noted(name, touch):
        def run(*args, **kwargs):
            events.append((name, *(str(arg).replace(str(root), "") for arg in args)))
            return touch(*args, **kwargs)

        return run

    def path_of(descriptor):
        return os.readlink(f"/proc/self/fd/{descriptor}")

    fsync = os.fsync
    stage_module = __import__(engine.__name__.replace("engine", "stage"), fromlist=["stage"])
    monkeypatch.setattr(os, "rename", noted("rename", os.rename))
    monkeypatch.setattr(os, "fsync", lambda fd: (noted("fsync", lambda path: None)(path_of(fd)), fsync(fd))[1])
    monkeypatch.setattr(stage_module, "sync_filesystem", noted("syncfs", lambda path: None))
    artifact = make_artifact("v1")
    release("v1", "staged", src=str(artifact.path), sha256=artifact.sha256)
    assert [event[0] for event in events] == ["syncfs", "fsync", "rename", "fsync", "rename", "fsync"]
    assert events[-2][2] == "/releases/v1"
    assert events[-1] == ("fsync", "/releases")
    events.clear()
    release("v1", "active")
    assert [(event[0], event[-1]) for event in events] == [
        ("fsync", "/activation.json.new"),
        ("rename", "/activation.json"),
        ("fsync", ""),
        ("rename", "/current"),
        ("fsync", ""),
        ("fsync", "/activation.json.new"),
        ("rename", "/activation.json"),
        ("fsync", ""),
    ]
