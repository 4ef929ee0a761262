#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_group_schedule
short_description: Has an Auto Scaling group grow for an event, and go back after it
version_added: 0.1.0
author: The golden.fleet founders
description:
  - An event is two scheduled actions of the group, which AWS does at their time. Both are put by one request.
  - The same O(event) with other values replaces it. Nothing that was scheduled by others is looked at.
attributes:
  check_mode:
    support: full
    description: Refuses what can't be done, says what would be changed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the events before and after.
options:
  group:
    description: The name of the Auto Scaling group.
    type: str
    required: true
  state:
    description: Whether the event is to be there. V(listed) changes nothing.
    type: str
    choices: [present, absent, listed]
    default: present
  event:
    description:
      - The name of the event. Needed for O(state=present); all events go where it is left out with O(state=absent).
    type: str
    default: ""
  begins:
    description: When the group is to grow, in UTC, such as C(2026-12-24T17:45:00Z).
    type: str
    default: ""
  ends:
    description: When it is to go back.
    type: str
    default: ""
  count:
    description: How many instances there are to be for the event. Fewer than the group has is refused.
    type: int
    default: 0
  count_after:
    description: How many there are to be afterwards; as many as the group is asked for now if -1.
    type: int
    default: -1
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_AUTO_SCALING).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Have forty instances for the evening
  golden.fleet.aws_group_schedule:
    group: golden-fleet-production-datasette
    event: christmas
    begins: "2026-12-24T17:45:00Z"
    ends: "2026-12-25T02:00:00Z"
    count: 40
"""

RETURN = r"""
events:
  description: The events that are scheduled. C(begins) is empty and C(count) 0 where the group has grown already.
  returned: success
  type: list
  elements: dict
  sample:
    - name: christmas
      begins: "2026-12-24T17:45:00Z"
      ends: "2026-12-25T02:00:00Z"
      count: 40
      least_after: 3
      count_after: 6
"""

import dataclasses
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError
from ansible_collections.golden.fleet.plugins.module_utils._aws.schedule import Event, Schedule, overlapping


def result_of(schedule: Schedule, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode. Raises GroupError."""
    described, before = schedule.described(), schedule.events()
    of_it = next((event for event in before if event.name == params["event"]), None)
    after = list(before)
    if params["state"] == "present":
        event = _wanted(described, of_it, params)
        _refuse(described, event, before)
        after = sorted([*(one for one in before if one is not of_it), event], key=lambda one: (one.begins, one.name))
        if after != before and not check:
            schedule.put(event, of_it)
    elif params["state"] == "absent":
        gone = [event for event in before if params["event"] in ("", event.name)]
        after = [event for event in before if event not in gone]
        for event in [] if check else gone:
            schedule.remove(event)
    shown = [[dataclasses.asdict(event) for event in events] for events in (before, after)]
    diff = {"before": {"events": shown[0]}, "after": {"events": shown[1]}}
    return {"changed": after != before, "events": shown[1], "diff": diff}


def _wanted(described: Any, of_it: Event | None, params: dict[str, Any]) -> Event:
    # While an event goes on, the group's own numbers are those of the event.
    least = of_it.least_after if of_it else int(described["MinSize"])
    count = of_it.count_after if of_it else int(described["DesiredCapacity"])
    after = params["count_after"] if params["count_after"] >= 0 else count
    return Event(params["event"], params["begins"], params["ends"], params["count"], least, after)


def _refuse(described: Any, event: Event, before: list[Event]) -> None:
    name, most = described["AutoScalingGroupName"], int(described["MaxSize"])
    if event.count > most:
        raise GroupError(f"{name}: {event.count} is above its MaxSize of {most}: raise that first, or ask for less")
    if event.count < event.count_after:
        raise GroupError(f"{name}: {event.count} is fewer than the {event.count_after} that it goes back to")
    if event.count_after < event.least_after:
        raise GroupError(f"{name}: it can't go back to {event.count_after}, below its MinSize of {event.least_after}")
    other = overlapping(event, before)
    if other:
        raise GroupError(f"{name}: the event {other} goes on at that time, and its end would end this one, too")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "group": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "listed"], "default": "present"},
            "event": {"type": "str", "default": ""},
            "begins": {"type": "str", "default": ""},
            "ends": {"type": "str", "default": ""},
            "count": {"type": "int", "default": 0},
            "count_after": {"type": "int", "default": -1},
        },
        required_if=[("state", "present", ("event", "begins", "ends", "count"))],
        supports_check_mode=True,
    )
    schedule = Schedule(module.client("autoscaling"), module.params["group"])
    try:
        result = result_of(schedule, module.params, module.check_mode)
    except GroupError as error:
        module.fail_json(msg=str(error))
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{module.params['group']}: its schedule can't be changed")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
