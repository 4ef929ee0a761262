#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_group_replacement
short_description: Has all instances of an Auto Scaling group be from the image that it is pinned at
version_added: 0.1.0
author: The golden.fleet founders
description:
  - The group has to be pinned at O(image) already, by M(golden.fleet.aws_group_image). Each look asks for that anew, so
    that what somebody else points elsewhere meanwhile is not fought over.
  - By an instance refresh where the service offers it, with floor and window as its least healthy percentage. Where it
    doesn't, as a stand-in may not, instances are ended one after the other as O(floor), O(floor_per_zone) and O(window)
    let go, and the group launches others. An instance refresh knows no floor of a zone.
  - A task that died is gone on with by the next one. An instance refresh to another version is cancelled first.
attributes:
  check_mode:
    support: full
    description: Refuses what can't be done, says what would be changed, and changes nothing.
  diff_mode:
    support: full
    description: Shows how many instances are from which image, before and after.
options:
  group:
    description: The name of the Auto Scaling group.
    type: str
    required: true
  template:
    description: The name of its launch template.
    type: str
    required: true
  image:
    description: The AMI.
    type: str
    required: true
  floor:
    description: How many have to serve at any time, a count or a percentage.
    type: str
    default: "0"
  floor_per_zone:
    description: The same in each zone.
    type: str
    default: "0"
  window:
    description: How many may be out at once, a count or a percentage.
    type: str
    default: "1"
  failures:
    description: How many launches may fail, a count or a percentage of all.
    type: str
    default: "0"
  by:
    description: Who replaces. V(auto) is the service where it offers to, and golden.fleet where it doesn't.
    type: str
    choices: [auto, service, fleet]
    default: auto
  wait_seconds:
    description: How long it may take from one change of what is seen to the next.
    type: int
    default: 900
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - golden.fleet._aws_steps
"""

EXAMPLES = r"""
- name: Have all instances be from the image
  golden.fleet.aws_group_replacement:
    group: golden-fleet-production-datasette
    template: golden-fleet-production-datasette
    image: ami-0123456789abcdef0
    floor: 75%
    window: 2
"""

RETURN = r"""
by:
  description: Who replaces.
  returned: success
  type: str
  sample: service
carry:
  description: What the next look is to be given.
  returned: success
  type: dict
done:
  description: Whether nothing is left to do.
  returned: success
  type: bool
progress:
  description: What is seen.
  returned: success
  type: str
  sample: 3 of 5 are from ami-0123456789abcdef0; 4 of 5 serve
"""

import datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.capacity import Limits
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import STEPS, Group, GroupError, Groups, text_of
from ansible_collections.golden.fleet.plugins.module_utils._aws.launching import LaunchError, Launching
from ansible_collections.golden.fleet.plugins.module_utils._aws.replacement import (
    Refreshes,
    healthy_percentage,
    is_to,
    outdated,
    plan_replacing,
    refuse_replacing,
    under_way,
)
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import ShareError, count_of


class Replacement:
    """One look at a group, and the step that it calls for."""

    def __init__(self, groups: Groups, launching: Launching, autoscaling: Any, params: dict[str, Any]) -> None:
        self._groups, self._launching, self._autoscaling = groups, launching, autoscaling
        self._image, self._by = params["image"], params["by"]
        self._limits = Limits(params["floor"], params["floor_per_zone"], params["window"])
        self._failures, self._carry = params["failures"], dict(params["carry"])
        self._refreshes = Refreshes(autoscaling, params["group"])
        self._name = params["group"]

    def look(self, check: bool) -> dict[str, Any]:
        """What was seen and done. Raises GroupError."""
        self._refuse_another_image()
        group = self._groups.group(self._name)
        begun = self._carry.setdefault("begun", text_of(datetime.datetime.now(tz=datetime.timezone.utc)))
        failed = self._groups.failed_launches(self._name, begun)
        if len(failed) > count_of(self._failures, group.desired):
            raise GroupError(
                f"{self._name}: {len(failed)} launches failed: {failed[0]}; {group.waiting_for(group.desired)}"
            )
        newest = None if self._by == "fleet" else self._refreshes.newest()
        if newest is None and self._by == "service":
            raise GroupError(f"{self._name}: the service offers no instance refresh")
        answer = self._by_fleet(group, check) if newest is None else self._by_service(group, newest, check)
        before, after = self._shown(group), {self._image: group.desired} if group.desired else {}
        return {
            **answer,
            "by": "fleet" if newest is None else "service",
            "carry": self._carry,
            "diff": {"before": {"images": before}, "after": {"images": before if answer["done"] else after}},
        }

    def _by_fleet(self, group: Group, check: bool) -> dict[str, Any]:
        step = plan_replacing(group, self._image, self._limits)
        for instance in [] if check else step.end:
            self._autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=instance, ShouldDecrementDesiredCapacity=False
            )
        return {"changed": bool(step.end), "done": step.done, "progress": step.waiting}

    def _by_service(self, group: Group, newest: Any, check: bool) -> dict[str, Any]:
        old = outdated(group, self._image)
        seen = f"{len(group.members) - len(old)} of {group.desired} are from {self._image}"
        if under_way(newest):
            said = f"{seen}; instance refresh {newest['Status']}, {newest.get('PercentageComplete', 0)} %"
            stale = not is_to(newest, group) and newest["Status"] != "Cancelling"
            if stale and not check:
                self._refreshes.cancel()
            return {"changed": stale, "done": False, "progress": said}
        seen = f"{seen}; {group.waiting_for(group.desired)}"
        if not old:
            return {"changed": False, "done": len(group.serving) >= group.desired, "progress": seen}
        if newest.get("InstanceRefreshId") == self._carry.get("refresh", ""):
            why = newest.get("StatusReason") or "the service gave no reason"
            raise GroupError(f"{self._name}: the instance refresh is {newest['Status']}: {why}; {seen}")
        refuse_replacing(group, self._limits)
        if not check:
            self._carry["refresh"] = self._refreshes.start(group, healthy_percentage(group, self._limits))
        return {"changed": True, "done": False, "progress": seen}

    def _refuse_another_image(self) -> None:
        standing = self._launching.standing()
        shown = standing.shown() if standing else {"image": "", "pinned": False}
        if shown["image"] != self._image or not shown["pinned"]:
            raise GroupError(
                f"{self._name} launches from {shown['image'] or 'nothing that is known'} and not from {self._image}"
                " by a numbered version: somebody has pointed it there, or nobody here yet"
            )

    def _shown(self, group: Group) -> dict[str, int]:
        images = [member.image for member in group.members]
        return {image: images.count(image) for image in sorted(set(images))}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "group": {"type": "str", "required": True},
            "template": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "floor": {"type": "str", "default": "0"},
            "floor_per_zone": {"type": "str", "default": "0"},
            "window": {"type": "str", "default": "1"},
            "failures": {"type": "str", "default": "0"},
            "by": {"type": "str", "choices": ["auto", "service", "fleet"], "default": "auto"},
            "wait_seconds": {"type": "int", "default": 900},
            **STEPS,
        },
        supports_check_mode=True,
    )
    params = module.params
    ec2, autoscaling = module.client("ec2"), module.client("autoscaling")
    groups = Groups(ec2, autoscaling, module.client("elbv2"))
    launching = Launching(ec2, autoscaling, params["template"], params["group"])
    try:
        result = Replacement(groups, launching, autoscaling, params).look(module.check_mode)
    except (GroupError, LaunchError, ShareError) as error:
        module.fail_json(msg=str(error))
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{params['group']}: its instances can't be replaced")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
