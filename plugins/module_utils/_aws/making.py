# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a service's Auto Scaling group where there is none, and has its launches wait for their gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import pages
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError, target_groups_of

# Whoever is launched waits in it until the host has proven itself; roles/aws_launch_gate ends it.
HOOK = "golden-fleet-gates"
_LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"


class Making:
    """One group; the clients are boto3's."""

    def __init__(self, ec2: Any, autoscaling: Any, balancing: Any, params: Mapping[str, Any]) -> None:
        self._ec2, self._autoscaling, self._balancing = ec2, autoscaling, balancing
        self._params = params
        self._name: str = params["group"]

    def found(self) -> dict[str, Any]:
        """What there is of it; empty where there is none."""
        asked = {"AutoScalingGroupNames": [self._name]}
        described = next(pages(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", **asked), None)
        if described is None:
            return {}
        return {
            "least": described["MinSize"],
            "most": described["MaxSize"],
            "zones": sorted(described["AvailabilityZones"]),
            "target_groups": sorted(target_groups_of(described)),
            "hook": self._hook(),
        }

    def wanted(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be there. Of a group that is there the settings stay its owner's, but for target groups and hook.

        Raises GroupError where something that it is to be made of isn't there.
        """
        gates = self._params["gate_seconds"]
        hook = {"seconds": gates, "otherwise": "ABANDON"} if gates else found.get("hook", {})
        arns = self._target_groups()
        if found:
            return {**found, "target_groups": sorted({*found["target_groups"], *arns}), "hook": hook}
        if not arns:
            raise GroupError(f"{self._name}: a group without a target group would serve nobody: name one")
        zones = self._zones()
        return {
            "least": self._params["least"],
            "most": self._params["most"],
            "zones": zones,
            "target_groups": arns,
            "hook": hook,
        }

    def make(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Has it be there. A new one is made by one request, so that its hook is there before the first instance is."""
        hook = found.get("hook", {})
        if not found:
            self._create(wanted)
            # A stand-in may not have heard of it.
            hook = self._hook()
        elif wanted["target_groups"] != found["target_groups"]:
            new = [one for one in wanted["target_groups"] if one not in found["target_groups"]]
            self._autoscaling.attach_load_balancer_target_groups(AutoScalingGroupName=self._name, TargetGroupARNs=new)
        if wanted["hook"] != hook:
            self._autoscaling.put_lifecycle_hook(AutoScalingGroupName=self._name, **_specification(wanted["hook"]))

    def _create(self, wanted: Mapping[str, Any]) -> None:
        tags = {"ResourceId": self._name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
        self._autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=self._name,
            LaunchTemplate={"LaunchTemplateName": self._params["template"], "Version": self._params["version"]},
            MinSize=wanted["least"],
            MaxSize=wanted["most"],
            DesiredCapacity=wanted["least"],
            VPCZoneIdentifier=",".join(self._params["subnets"]),
            TargetGroupARNs=wanted["target_groups"],
            # A host whose service died is replaced, and not only one that vanished.
            HealthCheckType="ELB",
            HealthCheckGracePeriod=self._params["grace_seconds"],
            TerminationPolicies=["NewestInstance"],
            LifecycleHookSpecificationList=[_specification(wanted["hook"])] if wanted["hook"] else [],
            Tags=[{**tags, "Key": key, "Value": value} for key, value in self._params["tags"].items()],
        )

    def _hook(self) -> dict[str, Any]:
        hooks = self._autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=self._name)["LifecycleHooks"]
        ours = next((one for one in hooks if one["LifecycleHookName"] == HOOK), None)
        return {"seconds": ours["HeartbeatTimeout"], "otherwise": ours["DefaultResult"]} if ours else {}

    def _target_groups(self) -> list[str]:
        """ARNs of the target groups that were named."""
        names = self._params["target_groups"]
        if not names:
            return []
        found = self._named(names)
        return sorted(one["TargetGroupArn"] for one in found)

    def _named(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        try:
            return list(self._balancing.describe_target_groups(Names=list(names))["TargetGroups"])
        except self._balancing.exceptions.TargetGroupNotFoundException as error:
            raise GroupError(f"{self._name}: there aren't all of the target groups {', '.join(names)}") from error

    def _zones(self) -> list[str]:
        """The zones of the subnets; all are needed, and more than one."""
        wanted = list(self._params["subnets"])
        chosen = [{"Name": "subnet-id", "Values": wanted or ["none"]}]
        found = {
            one["SubnetId"]: one["AvailabilityZone"]
            for one in pages(self._ec2, "describe_subnets", "Subnets", Filters=chosen)
        }
        unknown = [one for one in wanted if one not in found]
        if unknown or not wanted:
            which = f"there is no subnet {', '.join(unknown)}" if unknown else "no subnets are named to make it in"
            raise GroupError(f"{self._name}: {which}")
        zones = sorted(set(found.values()))
        if len(zones) < 2:
            raise GroupError(f"{self._name}: its subnets are all in {zones[0]}; name some of another zone, too")
        return zones


def _specification(hook: Mapping[str, Any]) -> dict[str, Any]:
    """The hook as Auto Scaling takes it."""
    return {
        "LifecycleHookName": HOOK,
        "LifecycleTransition": _LAUNCHING,
        "HeartbeatTimeout": hook["seconds"],
        "DefaultResult": hook["otherwise"],
    }
