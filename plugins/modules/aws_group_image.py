#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_group_image
short_description: Says which AMI a service's Auto Scaling group launches from
version_added: 0.1.0
author: The golden.fleet founders
description:
  - There is a version of the launch template for each image, which names the AMI. In all but the image it is what the
    group launched by before, or else the template's default. One that fits is used again.
  - The template's default and the group are then at that version, the group by its number, never by C($Latest).
  - Without an O(image), the group launches nothing where it would launch from one of O(never), until it is given an
    image. What it has goes on.
  - Where there is no group of the name, the launch template alone is seen to.
attributes:
  check_mode:
    support: full
    description: Says what would be changed, and changes nothing. A version that isn't there yet is shown as C(0).
  diff_mode:
    support: full
    description: Shows image, version and group before and after.
options:
  template:
    description: The name of the launch template. It has to be there, unless no O(image) is given either.
    type: str
    required: true
  group:
    description: The name of the Auto Scaling group.
    type: str
    default: ""
  image:
    description: The AMI to launch from; empty where there is none that should be.
    type: str
    default: ""
  never:
    description: AMIs that must not be launched from.
    type: list
    elements: str
    default: []
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Launch from the image of the active release
  golden.fleet.aws_group_image:
    template: golden-fleet-production-datasette
    group: golden-fleet-production-datasette
    image: ami-0123456789abcdef0

- name: Launch nothing, if it would be the release that was left
  golden.fleet.aws_group_image:
    template: golden-fleet-production-datasette
    group: golden-fleet-production-datasette
    never: [ami-0123456789abcdef0]
"""

RETURN = r"""
group:
  description: The group, empty where there is none.
  returned: success
  type: str
held:
  description: Whether the group launches nothing until it is given an image.
  returned: success
  type: bool
image:
  description: The AMI that is launched from.
  returned: success
  type: str
  sample: ami-0123456789abcdef0
pinned:
  description: Whether the template's default and the group are at the version, the group by its number.
  returned: success
  type: bool
template:
  description: The launch template, empty where there is none.
  returned: success
  type: str
version:
  description: The version of the launch template.
  returned: success
  type: int
  sample: 7
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.launching import (
    LaunchError,
    Launching,
    Standing,
    fitting,
)


def result_of(launching: Launching, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode. Raises LaunchError."""
    standing = launching.standing()
    if standing is None and not params["image"]:
        nothing = {"template": "", "version": 0, "image": "", "group": "", "pinned": False, "held": False}
        return {"changed": False, **nothing, "diff": {"before": nothing, "after": nothing}}
    if standing is None:
        raise LaunchError(f"there is no launch template {params['template']}")
    before = standing.shown()
    planned = _planned(standing, before, params["image"], params["never"])
    if planned != before and not check:
        if params["image"]:
            launching.point(standing, params["image"])
        else:
            launching.hold()
        planned = (launching.standing() or standing).shown()
    return {"changed": planned != before, **planned, "diff": {"before": before, "after": planned}}


def _planned(standing: Standing, before: dict[str, Any], image: str, never: list[str]) -> dict[str, Any]:
    if not image:
        holds = bool(before["group"]) and before["image"] in never
        return {**before, "held": before["held"] or holds}
    current = standing.current
    number = fitting(standing.versions, current, image) if current else None
    return {**before, "image": image, "version": number or 0, "pinned": True, "held": False}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "template": {"type": "str", "required": True},
            "group": {"type": "str", "default": ""},
            "image": {"type": "str", "default": ""},
            "never": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    launching = Launching(module.client("ec2"), module.client("autoscaling"), params["template"], params["group"])
    try:
        result = result_of(launching, params, module.check_mode)
    except LaunchError as error:
        module.fail_json(msg=str(error))
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{params['template']}: what is launched from can't be changed")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
