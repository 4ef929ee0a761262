# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group grows and shrinks: the steps by table, and against moto."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.capacity import Limits, plan_capacity
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import Group, GroupError, Groups, Member
from ansible_collections.golden.fleet.plugins.modules.aws_group_capacity import result_of

from tests.unit.plugins.module_utils._aws.conftest import Account, answer


def member(number: int, zone: str = "a", wrong: str = "", protected: bool = False) -> Member:
    launched = f"2026-01-01T00:00:{number:02}Z"
    return Member(f"i-{number}", zone, "InService", launched=launched, wrong=wrong, protected=protected)


def group(desired: int, *members: Member, least: int = 1, most: int = 10, suspended: tuple[str, ...] = ()) -> Group:
    return Group("fleet", least, most, desired, members, suspended=suspended)


def healthy(*numbers: int, zone: str = "a") -> list[Member]:
    return [member(number, zone) for number in numbers]


@pytest.mark.parametrize(
    ("found", "wanted", "floor", "desired", "end", "done"),
    [
        pytest.param(group(2, *healthy(1, 2)), 4, "50%", 4, [], False, id="growing asks for more"),
        pytest.param(group(4, *healthy(1, 2)), 4, "50%", None, [], False, id="grown, they aren't there yet"),
        pytest.param(group(4, *healthy(1, 2, 3, 4)), 4, "50%", None, [], True, id="all serve"),
        pytest.param(group(2, *healthy(1), member(2, wrong="initial")), 2, "0", None, [], False, id="not all serve"),
        pytest.param(group(9, *healthy(1, 2)), 3, "0", 3, [], False, id="what isn't launched yet need not be"),
        pytest.param(group(5, *healthy(1, 2, 3, 4)), 2, "0", 4, [], False, id="that first, then those that are there"),
        pytest.param(group(4, *healthy(1, 2, 3, 4)), 2, "50%", None, ["i-4", "i-3"], False, id="the newest go"),
        pytest.param(
            group(4, *healthy(1, 2, 3), *healthy(4, zone="b")), 3, "0", None, ["i-3"], False, id="of the fullest zone"
        ),
        pytest.param(
            group(3, member(1, wrong="initial"), *healthy(2, 3)),
            2,
            "100%",
            None,
            ["i-1"],
            False,
            id="first who is idle",
        ),
        pytest.param(
            group(4, *healthy(1, 2, 3), member(4, wrong="initial")),
            2,
            "2",
            None,
            ["i-4", "i-3"],
            False,
            id="both kinds",
        ),
        pytest.param(
            group(4, member(1, wrong="initial", protected=True), member(2, wrong="x", protected=True), *healthy(3, 4)),
            *(2, "2", None, [], False),
            id="the floor keeps those that serve",
        ),
    ],
)
def test_the_next_step(found: Group, wanted: int, floor: str, desired: Any, end: list[str], done: bool) -> None:
    step = plan_capacity(found, wanted, Limits(floor))
    assert (step.desired, list(step.end), step.done) == (desired, end, done)
    assert step.waiting


@pytest.mark.parametrize(
    ("found", "wanted", "message"),
    [
        pytest.param(group(2, *healthy(1, 2)), 11, "11 is above its MaxSize of 10", id="too many"),
        pytest.param(group(3, *healthy(1, 2, 3), least=3), 2, "2 is below its MinSize of 3", id="too few"),
        pytest.param(group(1, *healthy(1), suspended=("Launch",)), 2, "launches nothing", id="held by publish"),
        pytest.param(group(2, suspended=("AddToLoadBalancer",)), 2, "registers nothing", id="nobody would be reached"),
        pytest.param(group(2, *healthy(1, 2), suspended=("Terminate",)), 1, "ends nothing", id="none may go"),
        pytest.param(
            group(2, member(1, protected=True), member(2, protected=True)), 1, "2 of its 2 instances", id="protected"
        ),
    ],
)
def test_what_a_group_is_not_allowed_is_refused(found: Group, wanted: int, message: str) -> None:
    with pytest.raises(GroupError, match=message):
        plan_capacity(found, wanted, Limits())


def test_a_zone_keeps_its_floor() -> None:
    found = group(4, *healthy(1, 2, 3), *healthy(4, zone="b"))
    assert plan_capacity(found, 1, Limits(0, 1)).end == ["i-3", "i-2"]
    assert plan_capacity(found, 1, Limits(0, 0)).end == ["i-3", "i-2", "i-4"]


def act(account: Account, count: int, check: bool = False, carry: Any = None, **also: Any) -> dict[str, Any]:
    groups = Groups(account.ec2, account.autoscaling, account.balancing)
    params = {"group": "fleet", "count": count, "floor": "50%", "floor_per_zone": "0", "failures": "0", **also}
    return result_of(groups, account.autoscaling, {**params, "carry": carry or {}}, check)


def test_a_group_grows_once_and_shrinks_again(account: Account) -> None:
    account.fleet(account.base, 2)
    assert act(account, 5, check=True)["diff"]["after"] == {"desired": 5, "serving": 5}
    assert len(account.instances()) == 2
    assert act(account, 5)["changed"]
    second = act(account, 5)
    assert (second["changed"], second["done"], second["serving"]) == (False, True, 5)
    assert second["diff"]["before"] == second["diff"]["after"]
    assert act(account, 2, check=True)["changed"]
    assert len(account.instances()) == 5
    assert not act(account, 2)["done"]
    assert act(account, 2)["done"]
    assert len(account.instances()) == 2
    assert account.described()["DesiredCapacity"] == 2


def test_whoever_is_not_healthy_for_its_target_group_does_not_serve(account: Account) -> None:
    account.fleet(account.base, 2)
    (one, other) = account.instances()
    health = {one: {"State": "healthy"}, other: {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch"}}
    found = [{"Target": {"Id": number}, "TargetHealth": seen} for number, seen in health.items()]
    answer(account.balancing, "DescribeTargetHealth", lambda _asked: {"TargetHealthDescriptions": found})
    seen = act(account, 2)
    assert (seen["done"], seen["changed"], seen["serving"]) == (False, False, 1)
    assert seen["progress"] == f"1 of 2 serve ({other}: unhealthy Target.ResponseCodeMismatch)"


def failing(account: Account, message: str, after: int = 0) -> None:
    when = datetime.datetime.now(tz=datetime.timezone.utc) + datetime.timedelta(seconds=after)
    activity = {"StatusCode": "Failed", "Description": "Launching a new EC2 instance", "StartTime": when}
    answer(
        account.autoscaling,
        "DescribeScalingActivities",
        lambda _a: {"Activities": [{**activity, "StatusMessage": message}]},
    )


def test_a_provider_that_has_no_more_is_told_of_and_asked_for_no_more(account: Account) -> None:
    account.fleet(account.base, 2)
    account.autoscaling.suspend_processes(AutoScalingGroupName="fleet", ScalingProcesses=["Terminate"])
    groups = account.described()
    answer(
        account.autoscaling,
        "DescribeAutoScalingGroups",
        lambda _asked: {"AutoScalingGroups": [{**groups, "DesiredCapacity": 5}]},
    )
    failing(account, "We currently do not have sufficient t3.small capacity", after=5)
    asked: list[Any] = []
    answer(account.autoscaling, "SetDesiredCapacity", lambda request: asked.append(request["body"]) or {})
    began = act(account, 5, failures="1")
    assert began["progress"].endswith("a launch failed: We currently do not have sufficient t3.small capacity")
    with pytest.raises(GroupError, match=r"1 launches failed: We currently .* capacity. 2 serve, and no further"):
        act(account, 5, carry=began["carry"])
    assert [body["DesiredCapacity"] for body in asked] == [2]


def test_what_failed_before_is_not_held_against_it(account: Account) -> None:
    account.fleet(account.base, 2)
    failing(account, "long ago", after=-60)
    assert act(account, 3)["failed_launches"] == []


def test_no_group_and_no_target_group_are_told(account: Account) -> None:
    with pytest.raises(GroupError, match="there is no Auto Scaling group fleet"):
        act(account, 2)
    account.template(account.base)
    account.group("1")
    with pytest.raises(GroupError, match="has no target group"):
        act(account, 2)
