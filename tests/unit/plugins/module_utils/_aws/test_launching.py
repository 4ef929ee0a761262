# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.launching import LaunchError, Launching, fitting
from ansible_collections.golden.fleet.plugins.modules.aws_group_image import result_of

from tests.unit.plugins.module_utils._aws.conftest import OTHER_KEY, Account


def act(account: Account, image: str = "", never: tuple[str, ...] = (), check: bool = False) -> dict[str, Any]:
    launching = Launching(account.ec2, account.autoscaling, "fleet", "fleet")
    return result_of(launching, {"template": "fleet", "image": image, "never": list(never)}, check)


def versions(account: Account) -> dict[int, dict[str, Any]]:
    found = account.ec2.describe_launch_template_versions(LaunchTemplateName="fleet")["LaunchTemplateVersions"]
    return {version["VersionNumber"]: version for version in found}


def suspended(account: Account) -> list[str]:
    (group,) = account.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    return [process["ProcessName"] for process in group["SuspendedProcesses"]]


def test_a_group_goes_forward_and_back_by_numbers(account: Account) -> None:
    old, new = account.bake("good"), account.bake("good", key=OTHER_KEY)
    account.template(old)
    account.group("$Latest")
    assert act(account, old)["version"] == 1
    assert account.launches_by() == "1"
    assert act(account, new, check=True)["changed"]
    assert len(versions(account)) == 1
    assert act(account, new)["version"] == 2
    assert account.launches_by() == "2"
    assert versions(account)[2]["LaunchTemplateData"] == {"ImageId": new, "InstanceType": "t3.large"}
    assert versions(account)[2]["DefaultVersion"]
    assert not act(account, new)["changed"]
    assert act(account, old)["version"] == 1
    assert account.launches_by() == "1"


def test_what_the_owner_changed_of_the_template_is_not_lost(account: Account) -> None:
    old, new = account.bake("good"), account.bake("good", key=OTHER_KEY)
    account.template(old)
    account.group("1")
    act(account, new)
    account.ec2.create_launch_template_version(
        LaunchTemplateName="fleet", LaunchTemplateData={"ImageId": new, "InstanceType": "m7.large"}
    )
    group = {"LaunchTemplateName": "fleet", "Version": "3"}
    account.autoscaling.update_auto_scaling_group(AutoScalingGroupName="fleet", LaunchTemplate=group)
    assert act(account, old)["version"] == 4
    assert versions(account)[4]["LaunchTemplateData"] == {"ImageId": old, "InstanceType": "m7.large"}


def test_a_group_launches_nothing_rather_than_a_bad_one(account: Account) -> None:
    old, bad = account.bake("good"), account.bake("good", key=OTHER_KEY)
    account.template(bad)
    account.group("1")
    assert not act(account, never=(old,))["changed"]
    assert act(account, never=(bad,), check=True)["changed"]
    assert suspended(account) == []
    assert act(account, never=(bad,))["held"]
    assert suspended(account) == ["Launch"]
    assert not act(account, never=(bad,))["changed"]
    assert not act(account, old)["held"]
    assert suspended(account) == []


def test_a_stop_of_somebody_else_stays(account: Account) -> None:
    image = account.bake("good")
    account.template(account.base)
    account.group("1")
    account.autoscaling.suspend_processes(AutoScalingGroupName="fleet", ScalingProcesses=["Launch"])
    act(account, image)
    assert suspended(account) == ["Launch"]


def test_without_a_group_the_template_is_seen_to(account: Account) -> None:
    image = account.bake("good")
    account.template(account.base)
    assert act(account, image)["group"] == ""
    assert versions(account)[2]["DefaultVersion"]
    assert not act(account, never=(image,))["changed"]


def test_a_policy_of_several_instance_types_stays_as_it_is(account: Account) -> None:
    image = account.bake("good")
    account.template(account.base)
    specification = {"LaunchTemplateName": "fleet", "Version": "1"}
    overrides = [{"InstanceType": "t3.large"}, {"InstanceType": "t3a.large"}]
    account.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="fleet",
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=["eu-central-1a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
            "InstancesDistribution": {"OnDemandBaseCapacity": 1},
        },
    )
    assert act(account, image)["version"] == 2
    (group,) = account.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    policy = group["MixedInstancesPolicy"]
    assert policy["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] == "2"
    assert policy["LaunchTemplate"]["Overrides"] == overrides
    assert policy["InstancesDistribution"]["OnDemandBaseCapacity"] == 1


def test_what_stands_against_it_is_told(account: Account) -> None:
    with pytest.raises(LaunchError, match="there is no launch template fleet"):
        act(account, account.base)
    assert (act(account)["template"], act(account)["changed"]) == ("", False)
    account.template(account.base, name="other")
    account.group("1", template="other")
    with pytest.raises(LaunchError, match="the group fleet is there, and no launch template fleet"):
        act(account, account.base)
    account.template(account.base)
    with pytest.raises(LaunchError, match="the group fleet doesn't launch by the launch template fleet"):
        act(account, account.base)


def test_how_far_ec2_is_with_applying_settings_makes_no_other_version() -> None:
    def version(number: int, image: str, state: str) -> dict[str, Any]:
        data = {"ImageId": image, "MetadataOptions": {"HttpTokens": "required", "State": state}}
        return {"VersionNumber": number, "LaunchTemplateData": data}

    known = [version(1, "ami-1", "applied"), version(2, "ami-2", "pending")]
    assert fitting(known, known[1], "ami-1") == 1
    assert fitting(known, known[1], "ami-3") is None
