# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Switches at a moment, each told to a host as a controller tells it: by a program on the input of a process."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine

# Long enough for a host to be told, on a machine that is busy with other things too.
SOON = 3.0
RAN = ["sh", "-c", 'echo "$RELEASE_VERSION" >> "$RELEASE_ROOT/shared/ran"']


@pytest.fixture
def tell(root):
    """Runs a change of a release in a process that ends as a connection's does; says how long the answer took."""

    def run(version, state="active", *, ahead=None, clock=0.0, **params):
        now = time.time() + clock
        given = {"root": str(root), "version": version, "state": state, "told_at": now, "lock_wait_seconds": 5.0}
        given |= {"at": now + ahead} if ahead is not None else {}
        command = [sys.executable, "-I", "-S", "-c", _engine._BOOT]
        program = _engine._program("_release", {**given, **params})
        done = subprocess.run(command, input=program, capture_output=True, timeout=20)
        answer = _engine._answer("host", done.returncode, done.stdout.decode(), done.stderr.decode())
        return {**answer, "took": time.time() + clock - now}

    return run


@pytest.fixture
def switching(stage, release, root):
    """v1 is active, v2 and v3 are staged."""
    stage("v1", "v2", "v3")
    release("v1", "active")


def runs(root):
    return os.path.basename(os.readlink(root / "current"))


def switched_at(root):
    return os.lstat(root / "current").st_ctime


def wait_for_end(root):
    """Until no waiter has the lock any more."""
    return subprocess.run(["flock", "-w", "10", str(root / ".lock"), "true"], check=True)


def waiter(root):
    """The process that has the lock's file open."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it is gone meanwhile
            held = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{process}/fd")]
            found |= {int(process)} if str(root / ".lock") in held else set()
    (process,) = found
    return process


def test_the_host_answers_at_once_and_switches_when_it_is_time(switching, tell, info, root):
    before = time.time()
    told = tell("v2", ahead=SOON, activate=[RAN])
    assert told["changed"], told
    assert told["diff"]["after"]["active"] == "v2"
    assert told["took"] < SOON
    assert runs(root) == "v1"
    assert info()["awaited"]["version"] == "v2"
    settled = tell("v2", activate=[RAN])
    assert not settled["changed"], settled
    assert info()["active"] == "v2"
    assert info()["activation_done"]
    assert info()["awaited"] is None
    # The kernel's time of a file is up to a tick behind.
    assert -0.02 < switched_at(root) - (before + SOON) < 1
    assert (root / "shared/ran").read_text() == "v2\n"
    assert not (root / "awaited.json").exists()


def test_hosts_told_one_after_the_other_switch_together(switching, tell, root):
    at = time.time() + SOON
    told = tell("v2", at=at)
    again = root.parent / "other"
    subprocess.run(["cp", "-a", str(root), str(again)], check=True)
    (again / "awaited.json").unlink()
    second = tell("v2", at=at, root=str(again))
    assert told["changed"]
    assert second["changed"]
    for place in (root, again):
        wait_for_end(place)
        assert runs(place) == "v2"
    assert abs(switched_at(root) - switched_at(again)) < 1


def test_a_moment_that_is_over_means_at_once(switching, tell, root):
    told = tell("v2", ahead=-1.0, activate=[RAN])
    assert told["changed"], told
    assert runs(root) == "v2"
    assert (root / "shared/ran").read_text() == "v2\n"


@pytest.mark.parametrize("clock", [3600.0, -3600.0], ids=["ahead", "behind"])
def test_a_controller_with_another_clock_switches_it_about_then(switching, tell, root, clock):
    before = time.time()
    assert tell("v2", ahead=SOON, clock=clock)["changed"]
    wait_for_end(root)
    assert runs(root) == "v2"
    assert SOON - 0.02 < switched_at(root) - before < SOON + 2


def test_a_switch_elsewhere_calls_it_off(switching, tell, info, root):
    tell("v2", ahead=60, activate=[RAN], number=4)
    foretold = tell("v1", number=4, check_mode=True)
    off = tell("v1", number=4)
    assert (foretold["changed"], off["changed"], off["active"]) == (True, True, "v1")
    assert "called off the switch to v2" in off["msg"]
    assert foretold["diff"]["before"]["awaited"] == "v2"
    assert not tell("v1", number=4)["changed"]
    assert runs(root) == "v1"
    assert info()["activation_done"]
    assert not (root / "shared/ran").exists()
    assert tell("v3", number=4)["changed"]
    assert runs(root) == "v3"


def test_a_later_rollout_calls_it_off_whatever_it_wants(switching, tell, info, root):
    tell("v2", ahead=60, number=4)
    assert not tell("v3", "staged", number=5).get("failed")
    assert runs(root) == "v1"
    assert info()["activation_done"]


def test_an_earlier_rollout_does_not(switching, tell, root):
    tell("v2", ahead=SOON, number=4)
    late = tell("v1", number=3)
    assert late["kind"] == "superseded", late
    wait_for_end(root)
    assert runs(root) == "v2"


def test_others_of_the_same_rollout_wait_for_it(switching, tell, root):
    tell("v2", ahead=SOON, number=4)
    assert tell("v3", "staged", number=4)["active"] == "v2"


def test_a_waiter_that_was_killed_has_never_begun(switching, tell, info, root):
    tell("v2", ahead=60, activate=[RAN], number=4)
    os.kill(waiter(root), signal.SIGKILL)
    wait_for_end(root)
    assert runs(root) == "v1"
    assert info()["awaited"] is not None
    assert tell("v1", number=4)["changed"]
    assert not tell("v1", number=4)["changed"]
    assert info()["activation_done"]
    # And the same wish again, without a moment, is what carries it through.
    tell("v2", ahead=60, number=4)
    os.kill(waiter(root), signal.SIGKILL)
    assert tell("v2", number=4, activate=[RAN])["changed"]
    assert runs(root) == "v2"
    assert (root / "shared/ran").read_text() == "v2\n"


def test_commands_that_fail_then_are_run_again_by_the_task_that_asks(switching, tell, info, root):
    tell("v2", ahead=0.5, activate=[["false"]])
    wait_for_end(root)
    assert runs(root) == "v2"
    assert not info()["activation_done"]
    assert tell("v2", activate=[["false"]])["kind"] == "command"
    assert tell("v2", activate=[RAN])["msg"].endswith("carried its activation through")


def test_check_mode_waits_for_nothing(switching, tell, root):
    told = tell("v2", ahead=60, check_mode=True)
    assert told["changed"]
    assert not (root / "awaited.json").exists()


def test_what_can_not_be_waited_for_is_refused(switching, tell, root):
    assert "240" in tell("v2", ahead=241)["msg"]
    assert "240" in tell("v2", at=float("nan"))["msg"]
    assert "state active" in tell("v2", "good", ahead=1)["msg"]
    assert json.loads((root / "activation.json").read_text())["version"] == "v1"


def test_where_the_wish_can_not_be_kept_nothing_is_awaited(switching, tell, info, root):
    (root / "awaited.json.new").mkdir()  # in the way of the file's successor
    told = tell("v2", ahead=SOON)
    assert told["failed"], told
    assert told["kind"] == "disk"
    wait_for_end(root)
    assert runs(root) == "v1"
    assert info()["activation_done"]


def test_a_later_rollout_that_came_while_it_was_being_told_calls_it_off_too(switching, tell, root):
    """It waits for the lock already when the other one begins to wait."""
    lock = subprocess.Popen(["flock", str(root / ".lock"), "sleep", "0.7"])
    with concurrent.futures.ThreadPoolExecutor() as threads:
        early = threads.submit(tell, "v2", ahead=60, number=4)
        late = threads.submit(tell, "v3", "staged", number=5)
        assert lock.wait(10) == 0
        answers = [early.result(20), late.result(20)]
    # Whichever of the two had the lock first: the earlier one is refused, or what it waited for is called off.
    assert not answers[1].get("failed"), answers
    assert runs(root) == "v1"
    assert not (root / "awaited.json").exists()


def test_a_host_that_takes_its_time_switches_when_it_was_told(switching, tell, root):
    lock = subprocess.Popen(["flock", str(root / ".lock"), "sleep", "1.5"])
    at = time.time() + SOON
    assert tell("v2", at=at)["changed"]
    assert lock.wait(10) == 0
    wait_for_end(root)
    assert -0.02 < switched_at(root) - at < 1
