#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: aws_images_info
short_description: Lists the images that an environment's services were baked into, at EC2
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Reads the catalogue of images out of EC2, which keeps it itself, in the tags of AMIs.
  - Tags that somebody else wrote make no record, and AMIs without those of the catalogue are passed over.
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: N/A
    description: Changes nothing.
options:
  environment:
    description: The environment that the images belong to.
    type: str
    required: true
  service:
    description: The service whose images are listed; all services if left out.
    type: str
notes:
  - Endpoints that differ by service come from the process's environment, as in C(AWS_ENDPOINT_URL_EC2).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: List the images of datasette
  golden.fleet.aws_images_info:
    environment: production
    service: datasette
    region: eu-central-1
  register: __images
"""

RETURN = r"""
images:
  description: The images, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The AMI.
      type: str
    image:
      description: The same, by which hosts are launched from it.
      type: str
    service:
      description: The service that it was baked for.
      type: str
    key:
      description: The digest over all that went into it.
      type: str
    state:
      description: C(candidate), made and not proven yet, C(good), or C(bad), proven wrong and kept aside.
      type: str
    made_at:
      description: When it was made, as EC2 says.
      type: str
    record:
      description: What was recorded of it.
      type: dict
    used_by:
      description:
        - Instances, launch templates and Auto Scaling groups that would miss it.
        - A version that was made here counts only while it is its template's default, or a group launches by it.
      type: list
      elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.golden.fleet.plugins.module_utils._aws.catalogue import Catalogue
from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import EC2_ERRORS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"environment": {"type": "str", "required": True}, "service": {"type": "str"}},
        supports_check_mode=True,
    )
    environment, service = module.params["environment"], module.params["service"]
    try:
        catalogue = Catalogue(module.client("ec2"), module.client("autoscaling"), environment)
        found = catalogue.found(service)
    except EC2_ERRORS as error:
        module.fail_json_aws(error, msg=f"{environment}: the images can't be listed")
    module.exit_json(
        changed=False,
        images=[
            {
                "id": image.id,
                "image": image.id,
                "service": image.service,
                "key": image.key,
                "state": image.state,
                "made_at": image.made_at,
                "record": dict(image.record),
                "used_by": list(image.used_by),
            }
            for image in found
        ],
    )


if __name__ == "__main__":
    main()
