# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Growing for an event, and going back after it, as scheduled actions of an Auto Scaling group.

AWS does both at their time, whatever became of whoever asked. An event is two actions by its name; the second one holds
what was there before, so that an event that is moved while it goes on doesn't take its own size for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import pages
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError, text_of

_PREFIX = "golden-fleet-preheat-"
_GROW, _BACK = "-grow", "-back"


@dataclasses.dataclass(frozen=True)
class Event:
    """From when to when there are to be how many, and how many there are to be afterwards."""

    name: str
    begins: str
    ends: str
    count: int
    least_after: int
    count_after: int

    def actions(self) -> list[dict[str, Any]]:
        """The two actions; MinSize keeps alarms from shrinking the group before the event is over."""
        return [
            _action(self.name + _GROW, self.begins, self.count, self.count),
            _action(self.name + _BACK, self.ends, self.least_after, self.count_after),
        ]


def _action(name: str, at: str, least: int, desired: int) -> dict[str, Any]:
    return {"ScheduledActionName": _PREFIX + name, "StartTime": at, "MinSize": least, "DesiredCapacity": desired}


def parse_events(actions: Sequence[Mapping[str, Any]]) -> list[Event]:
    """The events among a group's scheduled actions, by when they begin; half an event isn't one."""
    ours = {str(one["ScheduledActionName"]).removeprefix(_PREFIX): one for one in actions if _is_ours(one)}
    names = [name.removesuffix(_GROW) for name in ours if name.endswith(_GROW)]
    # AWS forgets an action once it was done: of an event that goes on there is the way back alone.
    names += [name.removesuffix(_BACK) for name in ours if name.endswith(_BACK)]
    events = []
    for name in dict.fromkeys(names):
        grow, back = ours.get(name + _GROW), ours.get(name + _BACK)
        if back is not None:
            begins, count = (_time(grow), int(grow["DesiredCapacity"])) if grow else ("", 0)
            after = int(back.get("MinSize") or 0), int(back["DesiredCapacity"])
            events.append(Event(name, begins, _time(back), count, *after))
    return sorted(events, key=lambda event: (event.begins, event.name))


def _is_ours(action: Mapping[str, Any]) -> bool:
    return str(action["ScheduledActionName"]).startswith(_PREFIX)


def _time(action: Mapping[str, Any]) -> str:
    when = action["StartTime"]
    return when if isinstance(when, str) else text_of(when)


def overlapping(event: Event, others: Sequence[Event]) -> str:
    """The event that goes on at the same time; empty where none does. Its way back would end this one, too."""
    for other in others:
        if other.name != event.name and event.begins <= other.ends and other.begins <= event.ends:
            return other.name
    return ""


class Schedule:
    """The events of one group; ``autoscaling`` is boto3's client."""

    def __init__(self, autoscaling: Any, group: str) -> None:
        self._autoscaling = autoscaling
        self._group = group

    def described(self) -> Mapping[str, Any]:
        """What Auto Scaling says of the group. Raises GroupError where there is none."""
        asked = {"AutoScalingGroupNames": [self._group]}
        found = next(pages(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", **asked), None)
        if found is None:
            raise GroupError(f"there is no Auto Scaling group {self._group}")
        return found

    def events(self) -> list[Event]:
        actions = pages(
            self._autoscaling,
            "describe_scheduled_actions",
            "ScheduledUpdateGroupActions",
            AutoScalingGroupName=self._group,
        )
        return parse_events(list(actions))

    def put(self, event: Event, before: Event | None) -> None:
        """Has both actions of the event be there, in one request. GroupError where AWS takes only one, or none."""
        answer = self._autoscaling.batch_put_scheduled_update_group_action(
            AutoScalingGroupName=self._group, ScheduledUpdateGroupActions=event.actions()
        )
        refused = answer.get("FailedScheduledUpdateGroupActions") or []
        if refused:
            # An event without its way back is worse than none.
            if before and before.begins:
                self._autoscaling.batch_put_scheduled_update_group_action(
                    AutoScalingGroupName=self._group, ScheduledUpdateGroupActions=before.actions()
                )
            else:
                self.remove(event)
            why = "; ".join(
                f"{one['ScheduledActionName']}: {one.get('ErrorMessage') or one['ErrorCode']}" for one in refused
            )
            raise GroupError(f"{self._group}: nothing was scheduled, as AWS refused {why}")

    def remove(self, event: Event) -> None:
        """Takes both actions away; one that isn't there (any more) is no error."""
        names = [one["ScheduledActionName"] for one in event.actions()]
        self._autoscaling.batch_delete_scheduled_action(AutoScalingGroupName=self._group, ScheduledActionNames=names)
