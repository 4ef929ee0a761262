# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _plan


def release(version, state="good", at=1):
    proven = f"2026-01-01T00:00:0{at}Z" if state == "good" else None
    return {"version": version, "state": state, "good_at": proven, "reason": "it broke"}


def found(active="", *releases, done=True, number=0, reachable=True):
    return {
        "active": active,
        "activation_done": done,
        "number": number,
        "reachable": reachable,
        "releases": list(releases),
        "msg": "" if reachable else "no route to host",
    }


def pool(**members):
    """A pool where each member is ``online`` or whatever is said, ``leased`` meaning maintenance under a lease."""
    return {
        "balancers": {},
        "unreachable": [],
        "number": 6,
        "lock": None,
        "members": {
            name: {"pool": "maintenance", "lease": {"rollout": "r"}} if state == "leased" else {"pool": state}
            for name, state in members.items()
        },
    }


def rollout(version="2", members=("a", "b", "c"), floor="50%", window=1, failures=0, kind="rolling"):
    return {
        "service": "shop",
        "version": version,
        "members": list(members),
        "contract": {
            "pool": {"floor": floor, "floor_per_zone": 0, "window": window},
            "budget": {"failures": failures},
            "rollout": kind,
        },
    }


V1 = release("1", at=1)
V2 = release("2", at=2)
ZONES = {"a": "x", "b": "y", "c": "x"}


@pytest.mark.parametrize(
    ("member", "pools", "action"),
    [
        pytest.param(found("1", V1), "online", "change", id="an older release is changed"),
        pytest.param(found("2", V1, V2), "online", "pass", id="who serves it is passed over"),
        pytest.param(found("2", V1, V2), "maintenance", "change", id="who has it but is out is carried on"),
        pytest.param(found("2", V1, V2), "leased", "change", id="who is left under a lease is carried on"),
        pytest.param(found("2", V1, V2, done=False), "online", "change", id="an unfinished activation is done again"),
        pytest.param(found(), "out", "change", id="a fresh host is changed"),
        pytest.param(found(reachable=False), "online", "unreachable", id="who can't be reached is named so"),
    ],
)
def test_what_a_member_needs(member, pools, action):
    releases = {"a": member, "b": found("1", V1), "c": found("1", V1)}
    planned = _plan.plan_rollout(rollout(failures=1), releases, pool(a=pools, b="online", c="online"), ZONES)
    assert planned["members"]["a"]["action"] == action


@pytest.mark.parametrize(
    ("member", "previous"),
    [
        pytest.param(found("1", V1), "1", id="what it runs"),
        pytest.param(found("2", V1, V2), "1", id="the good one before, when it runs the version already"),
        pytest.param(found("3", V1, V2, release("3", "bad")), "1", id="not what was marked bad"),
        pytest.param(found("3", V1, release("3", "staged")), "1", id="not what was never proven"),
        pytest.param(found("1", V1, done=False), "1", id="what it should run, when its activation did not finish"),
        pytest.param(found("", release("2", "staged")), "", id="nothing on a fresh host"),
    ],
)
def test_the_way_back(member, previous):
    assert _plan.previous_release("2", member) == previous


def test_a_member_that_is_out_already_comes_first():
    releases = {name: found("1", V1) for name in "abc"}
    planned = _plan.plan_rollout(rollout(), releases, pool(a="online", b="leased", c="online"), ZONES)
    assert planned["canary"] == "b"


def test_those_that_serve_are_switched_at_once_and_those_that_are_out_follow():
    releases = {name: found("1", V1) for name in "abc"}
    planned = _plan.plan_rollout(rollout(kind="atomic"), releases, pool(a="leased", b="online", c="online"), ZONES)
    assert (planned["canary"], planned["at_once"]) == ("b", ["b", "c"])
    planned = _plan.plan_rollout(rollout(kind="atomic"), releases, pool(a="out", b="out", c="out"), ZONES)
    assert (planned["canary"], planned["at_once"]) == ("a", [])
    planned = _plan.plan_rollout(rollout(), releases, pool(a="leased", b="online", c="online"), ZONES)
    assert planned["at_once"] == []


def test_a_second_run_has_nothing_to_do():
    releases = {name: found("2", V1, V2, number=7) for name in "abc"}
    planned = _plan.plan_rollout(rollout(), releases, pool(a="online", b="online", c="online"), ZONES)
    assert (planned["idle"], planned["canary"], planned["to_stage"]) == (True, "", [])
    assert (planned["at_least"], planned["after"]) == (7, 6)


def test_where_somebody_died_with_the_lock_there_is_something_to_do():
    releases = {name: found("2", V1, V2) for name in "abc"}
    seen = {**pool(a="online", b="online", c="online"), "lock": {"number": 6, "expired": True}}
    planned = _plan.plan_rollout(rollout(), releases, seen, ZONES)
    assert (planned["idle"], planned["canary"]) == (False, "")


def test_a_release_that_was_not_proven_on_every_member_still_has_to_be_marked():
    releases = {name: found("2", V1, V2) for name in "ab"} | {"c": found("2", V1, release("2", "staged"))}
    planned = _plan.plan_rollout(rollout(), releases, pool(a="online", b="online", c="online"), ZONES)
    assert (planned["idle"], planned["canary"]) == (False, "")


def test_only_those_without_the_release_stage_it():
    releases = {"a": found("1", V1), "b": found("1", V1, release("2", "staged")), "c": found("2", V2)}
    planned = _plan.plan_rollout(rollout(), releases, pool(a="online", b="online", c="online"), ZONES)
    assert planned["to_stage"] == ["a"]


@pytest.mark.parametrize(
    ("asked", "pools", "message"),
    [
        pytest.param(rollout(members=()), pool(), "no host is in the group shop", id="an empty group"),
        pytest.param(rollout(), pool(a="online"), "the balancers know no member b, c", id="not provisioned"),
        pytest.param(
            rollout(),
            pool(a="online", b="online", c="online", new="online", gone="out"),
            "^new of shop serve customers and are not in the inventory",
            id="a member that joined after the inventory was read",
        ),
        pytest.param(rollout(floor=3), pool(a="online", b="online", c="online"), "floor", id="a floor never met"),
    ],
)
def test_what_can_never_work_is_refused_first(asked, pools, message):
    releases = {name: found("1", V1) for name in "abc"}
    with pytest.raises(_plan.PlanError, match=message):
        _plan.plan_rollout(asked, releases, pools, ZONES)


def test_unreachable_members_over_the_budget_are_refused_by_name():
    releases = {"a": found(reachable=False), "b": found("1", V1), "c": found("1", V1)}
    with pytest.raises(_plan.PlanError, match="a can't be reached, and the failure budget is 0: no route"):
        _plan.plan_rollout(rollout(), releases, pool(a="online", b="online", c="online"), ZONES)


V3 = release("3", at=3)


@pytest.mark.parametrize(
    ("releases", "asked", "version"),
    [
        pytest.param({"a": found("3", V1, V2, V3)}, "", "2", id="the newest older than what runs"),
        pytest.param({"a": found("2", V1, V2, V3)}, "", "1", id="older again after a rollback, not forward"),
        pytest.param({"a": found("3", V1, V2, release("3", "staged"))}, "", "2", id="what runs was never proven"),
        pytest.param({"a": found("3", V1, V3), "b": found("3", V1, V2, V3)}, "", "1", id="good on every host"),
        pytest.param({"a": found("3", V1, release("2", "bad"), V3)}, "", "1", id="a bad one is skipped"),
        pytest.param({"a": found("2", V1, V2), "b": found("3", V1, V2)}, "", "2", id="a fleet of two versions"),
        pytest.param({"a": found("1", V1, V2, V3)}, "3", "3", id="forward by name"),
        pytest.param({"a": found("2", V1, V2), "b": found(reachable=False)}, "", "1", id="of those that answer"),
        pytest.param(
            {"a": found("10", release("10", at=5), release("9", at=6))}, "9", "9", id="names say nothing of age"
        ),
    ],
)
def test_where_to_go_back_to(releases, asked, version):
    assert _plan.rollback_version("shop", releases, asked) == version


@pytest.mark.parametrize(
    ("releases", "asked", "message"),
    [
        pytest.param({"a": found("1", V1)}, "", "no good release older than 1 .* none", id="none is older"),
        pytest.param({"a": found("2", V1, V2)}, "7", "7: it is not on a; can be had: 1", id="a missing one"),
        pytest.param(
            {"a": found("2", V1, V2, release("3", "bad"))}, "3", r"marked bad \(it broke\) on a", id="a bad one"
        ),
        pytest.param(
            {"a": found("2", V2, release("1", "staged"))}, "1", "never proven good on a", id="an unproven one"
        ),
        pytest.param({"a": found(reachable=False)}, "", "no member of shop can be reached", id="nobody answers"),
    ],
)
def test_going_back_is_refused_with_what_can_be_had(releases, asked, message):
    with pytest.raises(_plan.PlanError, match=message):
        _plan.rollback_version("shop", releases, asked)


@pytest.mark.parametrize(
    ("member", "state", "expected"),
    [
        pytest.param(found("1", V1, V2), "online", None, id="in order"),
        pytest.param(found(), "out", None, id="never rolled out to"),
        pytest.param(found("1", V1, V2), "leased", {"version": "2", "previous": "1"}, id="to what the fleet serves"),
        pytest.param(found("1", V1), "leased", {"version": "1", "previous": ""}, id="to its own good one"),
        pytest.param(
            found("1", V1, done=False), "online", {"version": "1", "previous": ""}, id="activation unfinished"
        ),
        pytest.param(
            found("3", release("3", "staged")),
            "leased",
            {"problem": "no release was proven good on it: roll one out"},
            id="none is good",
        ),
        pytest.param(
            found(reachable=False), "leased", {"problem": "can't be reached: no route to host"}, id="out of reach"
        ),
    ],
)
def test_what_brings_a_member_back(member, state, expected):
    releases = {"a": member, "b": found("2", V1, V2), "c": found("2", V1, V2)}
    plans = _plan.plan_reconcile(["a", "b", "c"], releases, pool(a=state, b="online", c="online"))
    assert plans.get("a") == expected
    assert set(plans) <= {"a"}


def test_a_host_that_is_kept_aside_is_in_order():
    seen = pool(a="leased", b="online")
    seen["members"]["a"]["kept"] = {"version": "1"}
    assert _plan.plan_reconcile(["a", "b"], {"a": found("1", V1), "b": found("2", V1, V2)}, seen) == {}
