# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service's group is made where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError
from ansible_collections.golden.fleet.plugins.module_utils._aws.making import HOOK, Making
from ansible_collections.golden.fleet.plugins.modules.aws_group import result_of

from tests.unit.plugins.module_utils._aws.conftest import Account


def act(account: Account, check: bool = False, **also: Any) -> dict[str, Any]:
    params = {"group": "fleet", "template": "fleet", "version": "1", "subnets": account.subnets()[:2], "least": 2}
    params |= {"target_groups": ["fleet"], "most": 9, "grace_seconds": 60, "gate_seconds": 320, "tags": {"mine": "yes"}}
    return result_of(Making(account.ec2, account.autoscaling, account.balancing, {**params, **also}), check)


def hooks(account: Account) -> dict[str, Any]:
    found = account.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="fleet")["LifecycleHooks"]
    return {one["LifecycleHookName"]: (one["HeartbeatTimeout"], one["DefaultResult"]) for one in found}


def test_a_group_is_made_over_zones_with_its_hook_and_only_once(account: Account) -> None:
    account.template(account.base)
    target_group = account.target_group()
    assert act(account, check=True)["changed"]
    assert account.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    made = act(account)
    assert made["changed"]
    assert len(made["group"]["zones"]) == 2
    found = account.described()
    assert (found["MinSize"], found["MaxSize"], found["TargetGroupARNs"]) == (2, 9, [target_group])
    assert found["LaunchTemplate"]["Version"] == "1"
    assert found["HealthCheckType"] == "ELB"
    assert hooks(account) == {HOOK: (320, "ABANDON")}
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"mine": "yes"}
    assert not act(account)["changed"]


def test_of_a_group_that_is_there_target_groups_and_hook_are_seen_to_and_nothing_else(account: Account) -> None:
    account.fleet(account.base, 2)
    second = account.target_group("other")
    changed = act(account, target_groups=["other"], most=99)
    assert changed["changed"]
    found = account.described()
    assert found["MaxSize"] == 10
    assert len(found["TargetGroupARNs"]) == 2
    assert second in found["TargetGroupARNs"]
    assert HOOK in hooks(account)
    assert not act(account, target_groups=["other"])["changed"]
    assert not act(account, target_groups=[], gate_seconds=0)["changed"]


@pytest.mark.parametrize(
    ("also", "message"),
    [
        pytest.param({"target_groups": []}, "without a target group would serve nobody", id="nobody would be served"),
        pytest.param({"target_groups": ["fleet", "gone"]}, "aren't all of the target groups fleet, gone", id="unknown"),
        pytest.param({"subnets": []}, "no subnets are named", id="no subnets"),
        pytest.param({"subnets": ["subnet-1"]}, "there is no subnet subnet-1", id="an unknown subnet"),
    ],
)
def test_what_it_can_not_be_made_of_is_told_before_it_is_made(
    account: Account, also: dict[str, Any], message: str
) -> None:
    account.template(account.base)
    account.target_group()
    with pytest.raises(GroupError, match=message):
        act(account, **also)
    assert account.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_one_zone_alone_is_refused(account: Account) -> None:
    account.template(account.base)
    account.target_group()
    with pytest.raises(GroupError, match="its subnets are all in eu-central-1"):
        act(account, subnets=account.subnets()[:1])
