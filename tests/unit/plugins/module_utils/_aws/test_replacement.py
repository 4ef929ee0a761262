# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group's instances are replaced: by our own steps against moto, and by an instance refresh that moto hasn't got."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.capacity import Limits
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import Group, GroupError, Groups
from ansible_collections.golden.fleet.plugins.module_utils._aws.launching import Launching
from ansible_collections.golden.fleet.plugins.module_utils._aws.replacement import (
    Refreshes,
    healthy_percentage,
    is_aws,
    pinned_configuration,
)
from ansible_collections.golden.fleet.plugins.modules.aws_group_replacement import Replacement
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.unit.plugins.module_utils._aws.conftest import OTHER_KEY, Account, answer

FLOOR = "60%"


@pytest.fixture
def old_and_new(account: Account) -> tuple[str, str]:
    """A group of five from one image that is pinned at another one."""
    old, new = account.bake("good"), account.bake("good", key=OTHER_KEY)
    account.fleet(old, 5)
    launching = Launching(account.ec2, account.autoscaling, "fleet", "fleet")
    standing = launching.standing()
    assert standing is not None
    launching.point(standing, new)
    return old, new


def look(account: Account, image: str, check: bool = False, carry: Any = None, **also: Any) -> dict[str, Any]:
    groups = Groups(account.ec2, account.autoscaling, account.balancing)
    launching = Launching(account.ec2, account.autoscaling, "fleet", "fleet")
    params = {"group": "fleet", "image": image, "floor": FLOOR, "floor_per_zone": "0", "window": "1", "failures": "0"}
    params |= {"by": "auto", "carry": carry or {}, **also}
    return Replacement(groups, launching, account.autoscaling, params).look(check)


def without_refreshes(account: Account, code: str = "InvalidAction") -> None:
    error = {"Error": {"Code": code, "Message": "no"}}
    answer(account.autoscaling, "DescribeInstanceRefreshes", lambda _asked: error)


class SlowHealth:
    """Has each instance be healthy only at the third look at it, and keeps the fewest that ever were."""

    def __init__(self, account: Account) -> None:
        self.account, self.fewest = account, math.inf
        self._looks: dict[str, int] = dict.fromkeys(account.instances(), 9)
        answer(account.balancing, "DescribeTargetHealth", self._answer)

    def _answer(self, _asked: dict[str, Any]) -> dict[str, Any]:
        there = self.account.instances()
        for one in there:
            self._looks[one] = self._looks.get(one, 0) + 1
        states = {one: "healthy" if self._looks[one] > 2 else "initial" for one in there}
        self.fewest = min(self.fewest, list(states.values()).count("healthy"))
        found = [{"Target": {"Id": one}, "TargetHealth": {"State": state}} for one, state in states.items()]
        return {"TargetHealthDescriptions": found}


@pytest.mark.parametrize(("window", "least"), [("1", 4), ("2", 3), ("100%", 3)])
def test_our_own_steps_keep_floor_and_window(
    account: Account, old_and_new: tuple[str, str], window: str, least: int
) -> None:
    without_refreshes(account)
    health = SlowHealth(account)
    # Nothing is carried from one look to the next: each could be another controller's.
    for _ in range(40):
        seen = look(account, old_and_new[1], window=window)
        if seen["done"]:
            break
    assert seen["by"] == "fleet"
    assert set(account.instances().values()) == {old_and_new[1]}
    assert len(account.instances()) == 5
    assert health.fewest == least
    again = look(account, old_and_new[1], window=window)
    assert (again["changed"], again["done"], again["diff"]["before"]) == (False, True, again["diff"]["after"])


def test_check_mode_says_and_does_nothing(account: Account, old_and_new: tuple[str, str]) -> None:
    old, new = old_and_new
    without_refreshes(account)
    seen = look(account, new, check=True)
    assert seen["changed"]
    assert seen["diff"] == {"before": {"images": {old: 5}}, "after": {"images": {new: 5}}}
    assert set(account.instances().values()) == {old}


def test_who_never_becomes_healthy_stops_it(account: Account, old_and_new: tuple[str, str]) -> None:
    without_refreshes(account)
    at_first = set(account.instances())

    def health(_asked: Any) -> dict[str, Any]:
        states = {one: "healthy" if one in at_first else "unhealthy" for one in account.instances()}
        found = [{"Target": {"Id": one}, "TargetHealth": {"State": state}} for one, state in states.items()]
        return {"TargetHealthDescriptions": found}

    answer(account.balancing, "DescribeTargetHealth", health)
    changes = [look(account, old_and_new[1])["changed"] for _ in range(6)]
    assert changes == [True, False, False, False, False, False]
    assert len(at_first & set(account.instances())) == 4


@pytest.mark.parametrize(
    ("also", "message"),
    [
        pytest.param({"floor": "5"}, "5 members, floor 5: none could ever be taken out; scale it up", id="floor"),
        pytest.param({"by": "service"}, "offers no instance refresh", id="not offered"),
    ],
)
def test_what_cannot_be_done_is_refused(
    account: Account, old_and_new: tuple[str, str], also: dict[str, str], message: str
) -> None:
    without_refreshes(account)
    with pytest.raises(GroupError, match=message):
        look(account, old_and_new[1], **also)
    assert set(account.instances().values()) == {old_and_new[0]}


def test_a_group_that_somebody_points_elsewhere_is_not_fought_over(
    account: Account, old_and_new: tuple[str, str]
) -> None:
    with pytest.raises(GroupError, match=f"launches from {old_and_new[1]} and not from {old_and_new[0]}"):
        look(account, old_and_new[0])


def test_only_the_answer_that_there_is_no_such_action_is_taken_for_that(
    account: Account, old_and_new: tuple[str, str]
) -> None:
    without_refreshes(account, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        look(account, old_and_new[1])
    assert set(account.instances().values()) == {old_and_new[0]}


def crash(_asked: Any) -> dict[str, Any]:
    raise ResponseParserError("an HTML page")


def test_a_stand_in_that_crashes_on_it_offers_none_and_aws_is_never_taken_for_one(account: Account) -> None:
    boto3 = pytest.importorskip("boto3")
    answer(account.autoscaling, "DescribeInstanceRefreshes", crash)
    with pytest.raises(ResponseParserError):
        Refreshes(account.autoscaling, "fleet").newest()
    other = boto3.client("autoscaling", region_name="eu-central-1", endpoint_url="http://127.0.0.1:5000")
    answer(other, "DescribeInstanceRefreshes", crash)
    assert Refreshes(other, "fleet").newest() is None
    assert is_aws("https://autoscaling.cn-north-1.amazonaws.com.cn")
    assert not is_aws("https://amazonaws.com.example.org")


class Service:
    """Instance refreshes as Auto Scaling has them; each look at one replaces an instance, the last one ends it."""

    def __init__(self, account: Account) -> None:
        self.account, self.refreshes = account, []  # type: ignore[var-annotated]
        self.fails = ""
        self.asked: list[dict[str, Any]] = []
        self._work: Iterator[None] = iter(())
        answer(account.autoscaling, "DescribeInstanceRefreshes", self._describe)
        answer(account.autoscaling, "StartInstanceRefresh", self._start)
        answer(account.autoscaling, "CancelInstanceRefresh", self._cancel)

    def begin(self, version: str) -> None:
        template = {**pinned_configuration(self.account.described())["LaunchTemplate"], "Version": version}
        self.refreshes.insert(0, {"InstanceRefreshId": f"r-{len(self.refreshes)}", "Status": "InProgress"})
        self.refreshes[0]["DesiredConfiguration"] = {"LaunchTemplate": template}

    def _describe(self, _asked: Any) -> dict[str, Any]:
        newest = self.refreshes[:1]
        if newest and newest[0]["Status"] in ("InProgress", "Cancelling"):
            newest[0] |= self._next(newest[0])
        return {"InstanceRefreshes": [dict(one) for one in newest]}

    def _next(self, refresh: dict[str, Any]) -> dict[str, str]:
        if refresh["Status"] == "Cancelling":
            return {"Status": "Cancelled"}
        if self.fails:
            return {"Status": "Failed", "StatusReason": self.fails}
        image = next(
            iter(
                self.account.ec2.describe_launch_template_versions(
                    LaunchTemplateName="fleet", Versions=[refresh["DesiredConfiguration"]["LaunchTemplate"]["Version"]]
                )["LaunchTemplateVersions"]
            )
        )["LaunchTemplateData"]["ImageId"]
        left = [one for one, found in self.account.instances().items() if found != image]
        if not left:
            return {"Status": "Successful"}
        self.account.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=left[0], ShouldDecrementDesiredCapacity=False
        )
        return {}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request["body"])
        self.begin(request["body"]["DesiredConfiguration.LaunchTemplate.Version"])
        return {"InstanceRefreshId": self.refreshes[0]["InstanceRefreshId"]}

    def _cancel(self, _asked: Any) -> dict[str, Any]:
        self.refreshes[0]["Status"] = "Cancelling"
        return {}


def until_done(account: Account, image: str) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = [{"done": False, "carry": {}}]
    while not seen[-1]["done"]:
        seen.append(look(account, image, carry=seen[-1]["carry"]))
        assert len(seen) < 20
    return seen[1:]


def test_an_instance_refresh_is_begun_once_and_waited_for(account: Account, old_and_new: tuple[str, str]) -> None:
    service = Service(account)
    assert look(account, old_and_new[1], check=True)["changed"]
    assert service.refreshes == []
    seen = until_done(account, old_and_new[1])
    assert [one["changed"] for one in seen].count(True) == 1
    assert {one["by"] for one in seen} == {"service"}
    assert "instance refresh InProgress" in seen[1]["progress"]
    assert set(account.instances().values()) == {old_and_new[1]}
    (asked,) = service.asked
    assert asked["Preferences.MinHealthyPercentage"] == 80
    assert asked["Preferences.SkipMatching"] == "true"
    assert asked["DesiredConfiguration.LaunchTemplate.Version"] == "2"
    assert not look(account, old_and_new[1])["changed"]


def test_who_comes_after_a_dead_controller_waits_for_its_refresh(
    account: Account, old_and_new: tuple[str, str]
) -> None:
    service = Service(account)
    look(account, old_and_new[1])
    until_done(account, old_and_new[1])
    assert len(service.refreshes) == 1


def test_a_refresh_to_another_version_is_cancelled_first(account: Account, old_and_new: tuple[str, str]) -> None:
    first = next(iter(account.instances()))
    account.autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=False)
    service = Service(account)
    service.begin("1")
    until_done(account, old_and_new[1])
    assert [one["Status"] for one in service.refreshes] == ["Successful", "Cancelled"]
    assert set(account.instances().values()) == {old_and_new[1]}


def test_a_refresh_that_fails_says_why(account: Account, old_and_new: tuple[str, str]) -> None:
    service = Service(account)
    service.fails = "too few are healthy"
    with pytest.raises(GroupError, match="the instance refresh is Failed: too few are healthy; 0 of 5 are from"):
        until_done(account, old_and_new[1])
    service.fails = ""
    until_done(account, old_and_new[1])


@pytest.mark.parametrize(
    ("desired", "limits", "percentage"),
    [
        pytest.param(5, Limits("60%", 0, 2), 60, id="the floor"),
        pytest.param(5, Limits("60%", 0, 1), 80, id="the window"),
        pytest.param(3, Limits(2, 0, "100%"), 67, id="rounded up, so that two of three stay"),
        pytest.param(7, Limits("50%", 0, "100%"), 58, id="four of seven"),
        pytest.param(0, Limits("50%"), 100, id="nobody is there"),
    ],
)
def test_floor_and_window_as_a_percentage(desired: int, limits: Limits, percentage: int) -> None:
    found = Group("fleet", 0, 10, desired, ())
    assert healthy_percentage(found, limits) == percentage


def test_a_policy_of_several_instance_types_is_refreshed_by_its_own_version() -> None:
    named = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "fleet", "Version": "3"}
    mixed = {"LaunchTemplate": {"LaunchTemplateSpecification": named, "Overrides": []}}
    asked = pinned_configuration({"MixedInstancesPolicy": mixed})["MixedInstancesPolicy"]["LaunchTemplate"]
    assert asked["LaunchTemplateSpecification"] == {"LaunchTemplateId": "lt-1", "Version": "3"}
