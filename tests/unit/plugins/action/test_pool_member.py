# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""pool_member, pool_info and rollout_lock in real playbooks, their engines run by the balancers' own connections."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.haproxy import Fleet, fleet_fixture

_ROOT = pathlib.Path(__file__).parents[4]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    yield from fleet_fixture("lb1", "lb2")


def play(fleet: Fleet, *tasks: dict[str, Any], check: bool = False) -> tuple[list[dict[str, Any]], int]:
    """The results of ``tasks`` on localhost, one for each, and the exit code. The play goes on after a failure."""
    folder = fleet.balancers["lb1"].folder.parent
    balancers = fleet.variables(fleet_haproxy_patience_seconds=0.3)
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": balancers}}))
    given = {"balancers": list(balancers), "service": "shop"}
    steps = [
        {
            "name": f"Step {number}",
            module: {**given, **arguments},
            "register": "step",
            "ignore_errors": True,
            "diff": True,
        }
        for number, task in enumerate(tasks)
        for module, arguments in task.items()
    ]
    book = [{"name": "A play", "hosts": "localhost", "gather_facts": False, "tasks": steps}]
    (folder / "play.json").write_text(json.dumps(book))
    program = f"{os.path.dirname(sys.executable)}/ansible-playbook"
    command = [program, "-i", str(folder / "hosts.json"), str(folder / "play.json")]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_CONFIG": "ansible.cfg"}
    run = subprocess.run(
        [*command, *(["--check"] if check else [])], cwd=_ROOT, env=environment, capture_output=True, text=True
    )
    assert run.stdout.startswith("{"), run.stdout + run.stderr
    return [task["hosts"]["localhost"] for task in json.loads(run.stdout)["plays"][0]["tasks"]], run.returncode


HOLD = {"golden.fleet.rollout_lock": {"state": "held", "rollout": "r1", "version": "2"}}
RELEASE = {"golden.fleet.rollout_lock": {"state": "released", "number": "{{ 1 }}"}}
INFO: dict[str, Any] = {"golden.fleet.pool_info": {}}


def member(state: str, name: str = "web1", **more: Any) -> dict[str, Any]:
    return {"golden.fleet.pool_member": {"state": state, "member": name, "number": "{{ 1 }}", **more}}


def test_a_whole_change_and_its_second_run(fleet: Fleet) -> None:
    fleet.open()
    out = member("maintenance", floor="60%", zones={"web1": "a", "web2": "b", "web3": "a"}, floor_per_zone=0)
    steps = [HOLD, HOLD, out, out, INFO, member("online"), member("online"), RELEASE, RELEASE, INFO]
    results, _code = play(fleet, *steps)
    held, again, taken, twice, info, admitted, still, released, gone, end = results
    assert (held["changed"], held["number"], held["diff"]["before"]) == (True, 1, {"lock": None})
    assert (again["changed"], again["number"]) == (False, 1)
    assert (taken["changed"], taken["taken"], taken["refusal"]) == (True, True, None)
    named = {"service": "shop", "member": "web1"}
    assert taken["diff"] == {"before": {**named, "pool": "online"}, "after": {**named, "pool": "maintenance"}}
    assert (twice["changed"], twice["taken"]) == (False, True)
    assert info["members"]["web1"]["pool"] == "maintenance"
    assert info["members"]["web1"]["lease"]["rollout"] == "r1"
    assert (admitted["changed"], still["changed"]) == (True, False)
    assert (released["changed"], gone["changed"]) == (True, False)
    assert {seen["pool"] for seen in end["members"].values()} == {"online"}
    assert (end["lock"], end["unreachable_balancers"]) == (None, [])


def test_check_mode_tells_what_would_be_and_changes_nothing(fleet: Fleet) -> None:
    fleet.open()
    before = [(balancer.record(), fleet.pools(name)) for name, balancer in fleet.balancers.items()]
    steps = [HOLD, member("maintenance"), member("maintenance", floor=3), member("online"), RELEASE]
    (held, taken, impossible, admitted, released), _code = play(fleet, *steps, check=True)
    assert (held["changed"], held["number"]) == (True, 1)
    assert (taken["changed"], taken["diff"]["after"]["pool"]) == (True, "maintenance")
    assert (impossible["failed"], impossible["refusal"]) == (True, "impossible")
    # The member is online now, and a check changes nothing before this either.
    assert (admitted["changed"], released["changed"]) == (False, False)
    assert [(balancer.record(), fleet.pools(name)) for name, balancer in fleet.balancers.items()] == before


def test_what_members_are_about_to_serve_is_said_on_every_balancer(fleet: Fleet) -> None:
    fleet.open()
    names = ["web1", "web2", "web3"]
    said = {"golden.fleet.served_version": {"members": names, "version": "2", "number": "{{ 1 }}"}}
    bad = {"golden.fleet.served_version": {"members": names, "version": "../2", "number": "{{ 1 }}"}}
    (_held, foretold), code = play(fleet, HOLD, said, check=True)
    assert (foretold["changed"], code) == (True, 0)
    assert [balancer.record().get("versions") for balancer in fleet.balancers.values()] == [None, None]
    (unlocked, refused, _held, once, again, info), _code = play(fleet, said, bad, HOLD, said, said, INFO)
    assert (unlocked["failed"], unlocked["refusal"]) == (True, "superseded")
    assert "version '../2'" in refused["msg"]
    assert (once["changed"], once["diff"]["after"]["version"], again["changed"]) == (True, "2", False)
    assert {name: seen["version"] for name, seen in info["members"].items()} == dict.fromkeys(names, "2")
    for balancer in fleet.balancers.values():
        assert balancer.record()["versions"] == dict.fromkeys(names, "2")


def test_failures_are_told_in_the_result(fleet: Fleet) -> None:
    fleet.open()
    stop = {"golden.fleet.rollout_lock": {"state": "stop_requested", "reason": "lunch"}}
    fleet.balancers["lb2"].kill()
    (info, late), _code = play(fleet, {"golden.fleet.pool_info": {"service": "shoe"}}, stop)
    assert [text.split(":")[0] for text in info["unreachable_balancers"]] == ["lb1", "lb2"]
    assert "haproxy has no backend shoe" in info["unreachable_balancers"][0]
    assert "haproxy doesn't answer at" in info["unreachable_balancers"][1]
    assert (late["changed"], late["msg"]) == (False, "no rollout is running")
    results, _code = play(fleet, member("maintenance"), HOLD, member("maintenance"), INFO)
    unlocked, held, taken, after = results
    assert (unlocked["failed"], unlocked["taken"], unlocked["refusal"]) == (True, False, "superseded")
    # The lock needs no HAProxy that runs, taking a member out does.
    assert held["number"] == 1
    assert (taken["failed"], taken["taken"]) == (True, False)
    assert "the member is where it was" in taken["msg"]
    assert after["members"]["web1"]["pool"] == "online"


def test_bad_input_is_refused_before_any_balancer_is_asked(fleet: Fleet) -> None:
    bad = {
        "floor: 'most' is neither a count": member("maintenance", floor="most"),
        "value of state must be one of": member("gone"),
        "state is failed but all of the following are missing: reason": member("failed"),
        "'../etc' is no name for a service": member("online", service="../etc"),
        "not in the inventory: lb9": member("online", balancers=["lb9"]),
        "no balancer is named": member("online", balancers=[]),
        "cannot be converted to an int": member("online", number="many"),
        "state is held but all of the following are missing: rollout, version": {
            "golden.fleet.rollout_lock": {"state": "held"}
        },
        "missing required arguments: service": {"golden.fleet.pool_info": {"service": "{{ omit }}"}},
    }
    results, _code = play(fleet, *bad.values())
    for says, result in zip(bad, results, strict=True):
        assert result["failed"] is True, says
        assert says in result["msg"]
