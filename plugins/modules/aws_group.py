#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_group
short_description: Makes a service's Auto Scaling group where there is none
version_added: 0.1.0
author: The golden.fleet founders
description:
  - It launches by a numbered version of a launch template, spread over the zones of its subnets, behind target groups
    that have to be there.
  - Of a group that is there the settings stay as they are, but for O(target_groups) that are missing, and the hook.
  - The hook C(golden-fleet-gates) has each launched instance wait until it has passed its own gates, or is given up.
attributes:
  check_mode:
    support: full
    description: Refuses what can't be done, says what would be made, and changes nothing.
  diff_mode:
    support: full
    description: Shows sizes, zones, target groups and hook before and after.
options:
  group:
    description: The name of the Auto Scaling group.
    type: str
    required: true
  template:
    description: The name of the launch template.
    type: str
    required: true
  version:
    description: The number of its version.
    type: str
    required: true
  subnets:
    description: The subnets that instances are launched in, of more than one zone.
    type: list
    elements: str
    default: []
  target_groups:
    description: The names of the target groups that it registers its instances with.
    type: list
    elements: str
    default: []
  least:
    description: Its MinSize.
    type: int
    default: 0
  most:
    description: Its MaxSize.
    type: int
    default: 1
  grace_seconds:
    description: How long a launched instance isn't judged by its target groups.
    type: int
    default: 300
  gate_seconds:
    description: How long a launched instance may take to pass its gates; 0 for no hook of ours.
    type: int
    default: 0
  tags:
    description: Its tags, and those of its instances.
    type: dict
    default: {}
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Have the group, with launches that wait for their gates
  golden.fleet.aws_group:
    group: golden-fleet-production-datasette
    template: golden-fleet-production-datasette
    version: "7"
    subnets: [subnet-0123456789abcdef0, subnet-0fedcba9876543210]
    target_groups: [datasette]
    least: 3
    most: 350
    gate_seconds: 300
"""

RETURN = r"""
group:
  description: What there is of it; empty in check mode where there is none yet.
  returned: success
  type: dict
  sample:
    least: 3
    most: 350
    zones: [eu-central-1a, eu-central-1b]
    target_groups: []
    hook: {seconds: 300, otherwise: ABANDON}
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError
from ansible_collections.golden.fleet.plugins.module_utils._aws.making import Making


def result_of(making: Making, check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode. Raises GroupError."""
    before = making.found()
    wanted = making.wanted(before)
    if wanted != before and not check:
        making.make(before, wanted)
    return {
        "changed": wanted != before,
        "group": before if check else wanted,
        "diff": {"before": before, "after": wanted},
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "group": {"type": "str", "required": True},
            "template": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "subnets": {"type": "list", "elements": "str", "default": []},
            "target_groups": {"type": "list", "elements": "str", "default": []},
            "least": {"type": "int", "default": 0},
            "most": {"type": "int", "default": 1},
            "grace_seconds": {"type": "int", "default": 300},
            "gate_seconds": {"type": "int", "default": 0},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    ec2, autoscaling, balancing = (module.client(name) for name in ("ec2", "autoscaling", "elbv2"))
    try:
        result = result_of(Making(ec2, autoscaling, balancing, module.params), module.check_mode)
    except GroupError as error:
        module.fail_json(msg=str(error))
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{module.params['group']}: it can't be made")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
