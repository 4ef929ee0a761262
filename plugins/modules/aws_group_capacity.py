#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_group_capacity
short_description: Has an Auto Scaling group have so many instances that all serve
version_added: 0.1.0
author: The golden.fleet founders
description:
  - An instance serves when its group has it in service and each target group of the group finds it healthy.
  - Growing asks the group for the capacity, and waits. Where more launches fail than O(failures) allows, the group is
    asked for no further ones, and the task fails with what AWS gave as the reason.
  - Shrinking ends instances for good, the newest first, each time from the zone with the most; as many at a time as
    O(floor) lets go. Their target groups drain them.
  - Each step is decided from what there is, so that a task that died is gone on with by the next.
attributes:
  check_mode:
    support: full
    description: Refuses what can't be done, says what would be changed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the capacity that is asked for and how many serve, before and after.
options:
  group:
    description: The name of the Auto Scaling group.
    type: str
    required: true
  count:
    description: How many instances are to serve.
    type: int
    required: true
  floor:
    description: How many have to serve at any time, a count or a percentage of O(count).
    type: str
    default: "0"
  floor_per_zone:
    description: The same in each zone, a percentage being one of those that are left in it.
    type: str
    default: "0"
  failures:
    description: How many launches may fail, a count or a percentage of those that are missing.
    type: str
    default: "0"
  wait_seconds:
    description: How long it may take from one change of what is seen to the next.
    type: int
    default: 600
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - golden.fleet._aws_steps
"""

EXAMPLES = r"""
- name: Have twelve instances serve
  golden.fleet.aws_group_capacity:
    group: golden-fleet-production-datasette
    count: 12
    floor: 75%
"""

RETURN = r"""
carry:
  description: What the next look is to be given.
  returned: success
  type: dict
desired:
  description: The capacity that the group is asked for.
  returned: success
  type: int
done:
  description: Whether nothing is left to do.
  returned: success
  type: bool
failed_launches:
  description: Why launches failed on the way.
  returned: success
  type: list
  elements: str
progress:
  description: What is seen.
  returned: success
  type: str
  sample: "3 of 5 serve (i-0123456789abcdef0: unhealthy Target.ResponseCodeMismatch)"
serving:
  description: How many serve.
  returned: success
  type: int
"""

import datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.capacity import Limits, Step, plan_capacity
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import STEPS, Group, GroupError, Groups, text_of
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import ShareError, count_of


def result_of(groups: Groups, autoscaling: Any, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """One look, and the step that it calls for. Raises GroupError."""
    group, wanted = groups.group(params["group"]), params["count"]
    begun = params["carry"].get("begun") or text_of(datetime.datetime.now(tz=datetime.timezone.utc))
    missing = params["carry"].get("missing", max(0, wanted - len(group.serving)))
    failed = groups.failed_launches(group.name, begun)
    if len(failed) > count_of(params["failures"], missing, up=True):
        _give_up(autoscaling, group, failed, check)
    step = plan_capacity(group, wanted, Limits(params["floor"], params["floor_per_zone"]))
    if not check:
        _take(autoscaling, group.name, step)
    before, after = _shown(group.desired, len(group.serving)), _shown(wanted, wanted)
    return {
        "changed": step.desired is not None or bool(step.end),
        "done": step.done,
        "progress": "; ".join([step.waiting, *(f"a launch failed: {why}" for why in failed[:1])]),
        "desired": wanted if check else _desired(group, step),
        "serving": len(group.serving),
        "failed_launches": failed,
        "carry": {"begun": begun, "missing": missing},
        "diff": {"before": before, "after": before if step.done else after},
    }


def _take(autoscaling: Any, name: str, step: Step) -> None:
    if step.desired is not None:
        autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=step.desired, HonorCooldown=False)
    for instance in step.end:
        autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)


def _give_up(autoscaling: Any, group: Group, failed: list[str], check: bool) -> None:
    """Has the group launch no further ones, so that it doesn't go on in vain for ever; those that are there stay."""
    there = min(group.most, max(group.least, len(group.members)))
    if not check and there < group.desired:
        autoscaling.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=there, HonorCooldown=False)
    raise GroupError(
        f"{group.name}: {len(failed)} launches failed: {failed[0]}. {len(group.serving)} serve, and no further ones are"
        " launched; the same command again tries anew"
    )


def _desired(group: Group, step: Step) -> int:
    return step.desired if step.desired is not None else group.desired - len(step.end)


def _shown(desired: int, serving: int) -> dict[str, int]:
    return {"desired": desired, "serving": serving}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "group": {"type": "str", "required": True},
            "count": {"type": "int", "required": True},
            "floor": {"type": "str", "default": "0"},
            "floor_per_zone": {"type": "str", "default": "0"},
            "failures": {"type": "str", "default": "0"},
            "wait_seconds": {"type": "int", "default": 600},
            **STEPS,
        },
        supports_check_mode=True,
    )
    autoscaling = module.client("autoscaling")
    groups = Groups(module.client("ec2"), autoscaling, module.client("elbv2"))
    try:
        result = result_of(groups, autoscaling, module.params, module.check_mode)
    except (GroupError, ShareError) as error:
        module.fail_json(msg=str(error))
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{module.params['group']}: its capacity can't be changed")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
