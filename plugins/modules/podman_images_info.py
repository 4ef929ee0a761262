# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: podman_images_info
short_description: Lists the images that a lab's services were baked into
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Reads the catalogue of images out of podman, which keeps it itself, in the images' names and labels. Runs on the
    controller, which is the machine of the lab.
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: N/A
    description: Changes nothing.
options:
  lab:
    description: The name of the lab.
    type: str
    required: true
  service:
    description: The service whose images are listed; all services if left out.
    type: str
"""

EXAMPLES = r"""
- name: List the images of datasette
  golden.fleet.podman_images_info:
    lab: fleet-1a2b3c
    service: datasette
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
      description: Podman's identifier.
      type: str
    image:
      description: The name that hosts are launched from it by.
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
      description: When it came to this state, as podman says.
      type: str
    record:
      description: What was recorded of it, see RV(images).
      type: dict
    used_by:
      description: The hosts of the lab that were launched from it.
      type: list
      elements: str
"""
