#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_image
short_description: Settles what an AMI was proven to be, and removes AMIs with their snapshots
version_added: 0.1.0
author: The golden.fleet founders
description:
  - A bake makes a I(candidate). Proven, it becomes V(good) or V(bad), with a record of what went into it, in its tags.
  - A good one is what hosts are launched from. A bad one is kept aside.
  - With an image go its snapshots. A version of a launch template that M(golden.fleet.aws_group_image) made for it
    stays, with nothing pointing at it; EC2 has room for ten thousand.
attributes:
  check_mode:
    support: full
    description: Says what would be settled or removed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the images of the service before and after.
options:
  environment:
    description: The environment that the images belong to.
    type: str
    required: true
  service:
    description: The service that the image was baked for.
    type: str
    required: true
  state:
    description:
      - V(good) and V(bad) settle the newest candidate of the O(key), V(bad) also a good one. V(absent) removes
        O(images).
    type: str
    choices: [good, bad, absent]
    required: true
  key:
    description: The key of the image that is settled.
    type: str
  images:
    description: The AMIs that are removed. Refused while something uses one of them.
    type: list
    elements: str
  record:
    description: What is recorded of the image. Compressed, it must fit into tags, about 7 kB.
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
- name: Let hosts be launched from the image
  golden.fleet.aws_image:
    environment: production
    service: datasette
    key: 0123456789abcdef
    state: good
    record:
      releases: [{version: 0.65.5, sha256: 9f86d0...}]

- name: Remove an image
  golden.fleet.aws_image:
    environment: production
    service: datasette
    images: [ami-0123456789abcdef0]
    state: absent
"""

RETURN = r"""
images:
  description: The images that the service has now, each with state, key and AMI.
  returned: success
  type: list
  elements: str
  sample: ["datasette:good-0123456789abcdef (ami-0123456789abcdef0)"]
"""

import dataclasses
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.catalogue import Catalogue, Image
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import RecordError


def result_of(catalogue: Catalogue, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode. Raises ValueError for an image in use, and where there is none."""
    before = catalogue.found(params["service"])
    act = _remove if params["state"] == "absent" else _settle
    shown = {
        "before": {"images": sorted(image.name for image in before)},
        "after": {"images": sorted(image.name for image in act(catalogue, before, params, check))},
    }
    return {"changed": shown["before"] != shown["after"], "images": shown["after"]["images"], "diff": shown}


def _remove(catalogue: Catalogue, before: list[Image], params: dict[str, Any], check: bool) -> list[Image]:
    chosen = [image for image in before if image.id in params["images"]]
    used = [f"{image.name} by {', '.join(image.used_by)}" for image in chosen if image.used_by]
    if used:
        raise ValueError(f"in use: {'; '.join(used)}")
    if chosen and not check:
        catalogue.remove(chosen)
    return [image for image in before if image not in chosen]


def _settle(catalogue: Catalogue, before: list[Image], params: dict[str, Any], check: bool) -> list[Image]:
    key, state = params["key"], params["state"]
    of_key = [image for image in before if image.key == key]
    # What was good once may prove to be bad, never the other way round.
    once = ("candidate", "good") if state == "bad" else ("candidate",)
    candidate = next((image for was in once for image in of_key if image.state == was), None)
    if candidate is None:
        if any(image.state == state for image in of_key):
            return before
        raise ValueError(f"there is no candidate {key} of {params['service']}")
    if not check:
        catalogue.settle(candidate, state, params["record"])
    settled = dataclasses.replace(candidate, state=state)
    return [settled if image is candidate else image for image in before]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "environment": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["good", "bad", "absent"], "required": True},
            "key": {"type": "str", "no_log": False},
            "images": {"type": "list", "elements": "str"},
            "record": {"type": "dict", "default": {}},
        },
        required_if=[("state", "good", ["key"]), ("state", "bad", ["key"]), ("state", "absent", ["images"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        catalogue = Catalogue(module.client("ec2"), module.client("autoscaling"), params["environment"])
        result = result_of(catalogue, params, module.check_mode)
    except (RecordError, ValueError) as error:
        module.fail_json(msg=f"{params['environment']}: {error}")
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{params['environment']}: the images of {params['service']} stay as they are")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
