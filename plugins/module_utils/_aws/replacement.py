# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a group's instances come to be from another image: by the service's own refresh, else by steps of our own.

Both keep the floor, and both go on from what is there: which instances are from another image is asked of EC2 anew.
"""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.capacity import Limits, let_go, refuse_suspended
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import Group, GroupError, Member
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import check_feasible, count_of

try:
    from botocore.exceptions import ClientError
    from botocore.parsers import ResponseParserError
except ImportError:  # AnsibleAWSModule says so.
    ClientError = ResponseParserError = None

_UNDER_WAY = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")
# How services say that they have no such action: AWS's own, and those of others by its interface.
_UNKNOWN = ("InvalidAction", "NotImplemented", "UnknownOperationException", "UnsupportedOperation")
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclasses.dataclass(frozen=True)
class Replacing:
    """What to do now: instances to end, for which the group launches others. ``done`` where all are as wanted."""

    end: Sequence[str] = ()
    done: bool = False
    waiting: str = ""


def outdated(group: Group, image: str) -> list[Member]:
    """The members that are from another image, the oldest first."""
    return [member for member in group.members if member.image != image]


def refuse_replacing(group: Group, limits: Limits) -> None:
    """Raises GroupError where no member could be taken out, or none would come in its place."""
    refuse_suspended(group, ("Launch", "Terminate", "AddToLoadBalancer"))
    zones = {member.id: member.zone for member in group.members}
    problem = check_feasible(limits.floor, limits.floor_per_zone, zones) if zones else ""
    if problem:
        raise GroupError(f"{group.name}: {problem}; scale it up first")


def out_at_most(group: Group, limits: Limits) -> int:
    """How many of the wanted may be out at once, by floor and window."""
    least = count_of(limits.floor, group.desired, up=True)
    return min(max(1, count_of(limits.window, group.desired)), group.desired - least)


def healthy_percentage(group: Group, limits: Limits) -> int:
    """Floor and window as an instance refresh takes them: how many per cent stay up at least."""
    if group.desired == 0:
        return 100
    return -(-100 * (group.desired - out_at_most(group, limits)) // group.desired)


def plan_replacing(group: Group, image: str, limits: Limits) -> Replacing:
    """The next step to all members being from ``image`` and serving."""
    old = outdated(group, image)
    said = f"{len(group.members) - len(old)} of {group.desired} are from {image}; {group.waiting_for(group.desired)}"
    if not old:
        return Replacing(done=len(group.serving) >= group.desired, waiting=said)
    refuse_replacing(group, limits)
    protected = [member.id for member in old if member.protected]
    if len(protected) == len(old):
        raise GroupError(
            f"{group.name}: {', '.join(protected)} can't be replaced, protected from scaling in: lift that"
        )
    free = [member for member in old if not member.protected]
    candidates = sorted(free, key=lambda member: member.serves)
    room = out_at_most(group, limits) - (group.desired - len(group.serving))
    least = count_of(limits.floor, group.desired, up=True)
    # One that doesn't serve costs the floor nothing.
    return Replacing(end=let_go(group, candidates, least, limits.floor_per_zone, most=max(0, room)), waiting=said)


class Refreshes:
    """The instance refreshes of one group; ``autoscaling`` is boto3's client."""

    def __init__(self, autoscaling: Any, group: str) -> None:
        self._autoscaling = autoscaling
        self._group = group

    def newest(self) -> Mapping[str, Any] | None:
        """The newest refresh; an empty one where there was none yet, None where the service offers none."""
        try:
            answer = self._autoscaling.describe_instance_refreshes(AutoScalingGroupName=self._group, MaxRecords=1)
        except ClientError as error:
            if not unknown_action(error.response):
                raise
            return None
        except ResponseParserError:
            # What answers here in AWS's place crashes on it, as moto's server does: no answer of the interface at all.
            # The same client has just been answered about the group.
            if is_aws(self._autoscaling.meta.endpoint_url):
                raise
            return None
        return next(iter(answer.get("InstanceRefreshes") or []), {})

    def start(self, group: Group, percentage: int) -> str:
        """Begins one to the version that the group is pinned at; its id. One that is under way is an error."""
        started = self._autoscaling.start_instance_refresh(
            AutoScalingGroupName=self._group,
            Strategy="Rolling",
            DesiredConfiguration=pinned_configuration(group.described),
            # Those that are from that version already stay: a second one goes on where the first was ended.
            Preferences={"MinHealthyPercentage": percentage, "SkipMatching": True},
        )
        return str(started["InstanceRefreshId"])

    def cancel(self) -> None:
        """Has the one that is under way end; instances that it has ended come back from the group's version."""
        self._autoscaling.cancel_instance_refresh(AutoScalingGroupName=self._group)


def unknown_action(response: Mapping[str, Any]) -> bool:
    """Whether an answer says that there is no such action, and nothing else."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return response.get("Error", {}).get("Code") in _UNKNOWN or status == 501


def is_aws(url: str) -> bool:
    """Whether an endpoint is one of AWS's own."""
    return (urllib.parse.urlsplit(url).hostname or "").endswith(_AWS)


def under_way(refresh: Mapping[str, Any]) -> bool:
    return refresh.get("Status") in _UNDER_WAY


def is_to(refresh: Mapping[str, Any], group: Group) -> bool:
    """Whether a refresh goes to the version that the group is pinned at."""
    return _version(refresh.get("DesiredConfiguration") or {}) == _version(pinned_configuration(group.described))


def pinned_configuration(described: Mapping[str, Any]) -> dict[str, Any]:
    """The version that a group launches by, as an instance refresh takes it."""
    if described.get("LaunchTemplate"):
        template = described["LaunchTemplate"]
        return {
            "LaunchTemplate": {"LaunchTemplateId": template["LaunchTemplateId"], "Version": str(template["Version"])}
        }
    mixed = described["MixedInstancesPolicy"]
    launch = mixed["LaunchTemplate"]
    # Told with its id and its name, it is asked for by one of them.
    by_id = {
        name: value for name, value in launch["LaunchTemplateSpecification"].items() if name != "LaunchTemplateName"
    }
    return {"MixedInstancesPolicy": {**mixed, "LaunchTemplate": {**launch, "LaunchTemplateSpecification": by_id}}}


def _version(configuration: Mapping[str, Any]) -> tuple[str, str]:
    mixed = (configuration.get("MixedInstancesPolicy") or {}).get("LaunchTemplate", {})
    template = configuration.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification") or {}
    return str(template.get("LaunchTemplateId", "")), str(template.get("Version", ""))
