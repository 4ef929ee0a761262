# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An Auto Scaling group as it stands: its instances, what each was launched from, and who of them serves.

An instance serves when the group has it in service and every target group of the group finds it healthy: these are the
balancers here, and what they don't send customers to counts as gone.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import pages

IN_SERVICE = "InService"
# On their way out, or set aside by somebody: the group doesn't count them as its capacity.
_NOT_COUNTED = ("Terminating", "Terminated", "Detaching", "Detached", "EnteringStandby", "Standby")
_AT_ONCE = 100
# What a module is asked for that looks at a group and takes one step each time: doc_fragments/_aws_steps.py.
STEPS: dict[str, dict[str, Any]] = {
    "pause_seconds": {"type": "float", "default": 5},
    "carry": {"type": "dict", "default": {}},
}


class GroupError(Exception):
    """A group can't be brought to what was asked for; the message says what stands against it."""


@dataclasses.dataclass(frozen=True)
class Member:
    """One instance of a group. ``wrong`` says why it doesn't serve; it is empty where it does."""

    id: str
    zone: str
    state: str
    image: str = ""
    launched: str = ""
    protected: bool = False
    wrong: str = ""

    @property
    def serves(self) -> bool:
        return not self.wrong


@dataclasses.dataclass(frozen=True)
class Group:
    """``least`` and ``most`` are its MinSize and MaxSize; ``members`` are without those on their way out."""

    name: str
    least: int
    most: int
    desired: int
    members: Sequence[Member]
    target_groups: Sequence[str] = ()
    suspended: Sequence[str] = ()
    described: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def serving(self) -> list[Member]:
        return [member for member in self.members if member.serves]

    def waiting_for(self, wanted: int) -> str:
        """How many of those wanted serve, and what is seen of some that don't."""
        wrong = [f"{member.id}: {member.wrong}" for member in self.members if not member.serves]
        seen = f" ({'; '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''})" if wrong else ""
        return f"{len(self.serving)} of {wanted} serve{seen}"


def parse_group(
    described: Mapping[str, Any],
    instances: Mapping[str, Mapping[str, Any]],
    health: Mapping[str, Mapping[str, str]],
) -> Group:
    """A group out of what AWS tells: ``instances`` of EC2 by id, ``health`` by target group and instance."""
    members = [
        _member(one, instances.get(one["InstanceId"], {}), health)
        for one in described.get("Instances") or []
        if not one["LifecycleState"].startswith(_NOT_COUNTED)
    ]
    return Group(
        name=described["AutoScalingGroupName"],
        least=int(described["MinSize"]),
        most=int(described["MaxSize"]),
        desired=int(described["DesiredCapacity"]),
        members=sorted(members, key=lambda member: (member.launched, member.id)),
        target_groups=target_groups_of(described),
        suspended=tuple(sorted(one["ProcessName"] for one in described.get("SuspendedProcesses") or [])),
        described=described,
    )


def target_groups_of(described: Mapping[str, Any]) -> tuple[str, ...]:
    """The ARNs of the target groups that a group registers its instances with."""
    sources = [one["Identifier"] for one in described.get("TrafficSources") or [] if one.get("Type") == "elbv2"]
    return tuple(dict.fromkeys([*(described.get("TargetGroupARNs") or []), *sources]))


def _member(one: Mapping[str, Any], instance: Mapping[str, Any], health: Mapping[str, Mapping[str, str]]) -> Member:
    number = one["InstanceId"]
    state = one["LifecycleState"]
    if state != IN_SERVICE:
        wrong = state
    elif one.get("HealthStatus", "Healthy").lower() != "healthy":
        wrong = f"the group holds it for {one['HealthStatus']}"
    else:
        seen = (found.get(number, "not registered") for found in health.values())
        wrong = next((text for text in seen if text), "")
    launched = instance.get("LaunchTime", "")
    return Member(
        id=number,
        zone=one.get("AvailabilityZone", ""),
        state=state,
        image=str(instance.get("ImageId", "")),
        launched=launched.isoformat() if isinstance(launched, datetime.datetime) else str(launched),
        protected=bool(one.get("ProtectedFromScaleIn")),
        wrong=wrong,
    )


class Groups:
    """Reads groups; the clients are boto3's."""

    def __init__(self, ec2: Any, autoscaling: Any, balancing: Any) -> None:
        self._ec2 = ec2
        self._autoscaling = autoscaling
        self._balancing = balancing

    def described(self, name: str) -> Mapping[str, Any] | None:
        """What Auto Scaling says of the group; None where there is none."""
        asked = {"AutoScalingGroupNames": [name]}
        return next(pages(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", **asked), None)

    def group(self, name: str) -> Group:
        """The group as it stands. Raises GroupError where there is none, or nothing tells whether it serves."""
        described = self.described(name)
        if described is None:
            raise GroupError(f"there is no Auto Scaling group {name}")
        target_groups = target_groups_of(described)
        if not target_groups:
            raise GroupError(f"{name} has no target group, so nothing tells whether its instances serve")
        numbers = [one["InstanceId"] for one in described.get("Instances") or []]
        return parse_group(described, self._instances(numbers), {one: self._health(one) for one in target_groups})

    def failed_launches(self, name: str, since: str) -> list[str]:
        """Why launches failed that began at ``since`` or later, the newest first, among the last hundred activities."""
        answer = self._autoscaling.describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=_AT_ONCE)
        return [
            str(one.get("StatusMessage") or one.get("Cause") or one["StatusCode"])
            for one in answer.get("Activities") or []
            if one["StatusCode"] in ("Failed", "Cancelled")
            and str(one.get("Description", "")).startswith("Launching")
            and text_of(one["StartTime"]) >= since
        ]

    def _instances(self, numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(numbers), _AT_ONCE):
            # By a filter: one that is gone by now is no error then.
            chosen = [{"Name": "instance-id", "Values": list(numbers[start : start + _AT_ONCE])}]
            reservations = pages(self._ec2, "describe_instances", "Reservations", Filters=chosen)
            every: Iterable[Mapping[str, Any]] = itertools.chain.from_iterable(one["Instances"] for one in reservations)
            found |= {one["InstanceId"]: one for one in every}
        return found

    def _health(self, target_group: str) -> dict[str, str]:
        """What is wrong with each registered instance, empty where nothing is."""
        answer = self._balancing.describe_target_health(TargetGroupArn=target_group)
        found: dict[str, str] = {}
        for one in answer["TargetHealthDescriptions"]:
            health, number = one["TargetHealth"], one["Target"]["Id"]
            wrong = "" if health["State"] == "healthy" else f"{health['State']} {health.get('Reason', '')}".strip()
            # It may be registered at several ports, and is healthy when it is at all of them.
            found[number] = found.get(number) or wrong
        return found


def text_of(when: datetime.datetime) -> str:
    """A time of AWS as text that sorts."""
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
