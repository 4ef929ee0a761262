#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers
short_description: Removes what killed bakes left behind at EC2
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Removes instances and key pairs that were made for one bake, once the time in their tag C(golden.fleet.until) is
    over.
  - Removes AMIs by the name of an environment's images that were never tagged or have failed, and snapshots by the tags
    of its images that no AMI is made from, once they are older than O(older_than_seconds).
  - All of them carry the environment in a tag or in their name; nothing else is looked at.
attributes:
  check_mode:
    support: full
    description: Says what would be removed, and changes nothing.
  diff_mode:
    support: full
    description: Shows what is left behind before and after.
options:
  environment:
    description: The environment that they belong to.
    type: str
    required: true
  prefix:
    description: What the names of the environment's AMIs begin with.
    type: str
    required: true
  older_than_seconds:
    description: How old something without a time of its own has to be. A bake that is under way is younger.
    type: int
    default: 10800
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Remove what killed bakes left behind
  golden.fleet.aws_leftovers:
    environment: production
    prefix: golden-fleet/production/
"""

RETURN = r"""
leftovers:
  description: What was removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [instance i-0123456789abcdef0, snapshot snap-0123456789abcdef0]
"""

import datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.leftovers import Leftovers


def result_of(leftovers: Leftovers, older_than_seconds: int, check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode."""
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    found = leftovers.found(_text(now), _text(now - datetime.timedelta(seconds=older_than_seconds)))
    if found and not check:
        leftovers.remove(found)
    names = [f"{leftover.kind} {leftover.id}" for leftover in found]
    diff = {"before": {"leftovers": names}, "after": {"leftovers": []}}
    return {"changed": bool(found), "leftovers": names, "diff": diff}


def _text(when: datetime.datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "environment": {"type": "str", "required": True},
            "prefix": {"type": "str", "required": True},
            "older_than_seconds": {"type": "int", "default": 10800},
        },
        supports_check_mode=True,
    )
    params = module.params
    leftovers = Leftovers(module.client("ec2"), params["environment"], params["prefix"])
    try:
        result = result_of(leftovers, params["older_than_seconds"], module.check_mode)
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{params['environment']}: what killed bakes left can't be removed")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
