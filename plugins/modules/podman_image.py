#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: podman_image
short_description: Settles what an image was proven to be, and removes images
version_added: 0.1.0
author: The golden.fleet founders
description:
  - A bake makes a I(candidate). Proven, it becomes V(good) or V(bad), with a record of what went into it.
  - A good one is what hosts are launched from. A bad one is kept aside.
attributes:
  check_mode:
    support: full
    description: Says what would be settled or removed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the images of the service before and after.
options:
  lab:
    description: The name of the lab.
    type: str
    required: true
  service:
    description: The service that the image was baked for.
    type: str
    required: true
  state:
    description:
      - V(good) and V(bad) settle the candidate of the O(key), V(bad) also a good one. V(absent) removes O(images).
    type: str
    choices: [good, bad, absent]
    required: true
  key:
    description: The key of the image that is settled.
    type: str
  images:
    description: The images that are removed, by the names that M(golden.fleet.podman_images_info) lists.
    type: list
    elements: str
  record:
    description: What is recorded of the image.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Let hosts be launched from the image
  golden.fleet.podman_image:
    lab: fleet-1a2b3c
    service: datasette
    key: 0123456789abcdef
    state: good
    record:
      releases: [{version: 0.65.5, sha256: 9f86d0...}]

- name: Remove an image
  golden.fleet.podman_image:
    lab: fleet-1a2b3c
    service: datasette
    images: ["localhost/fleet-1a2b3c/datasette:bad-0123456789abcdef"]
    state: absent
"""

RETURN = r"""
images:
  description: The names of the images that the service has now.
  returned: success
  type: list
  elements: str
  sample: ["datasette:good-0123456789abcdef"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.golden.fleet.plugins.module_utils._podman.images import Image, Images
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError


def result_of(images: Images, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """What was done, or would be in check mode."""
    before = [image for image in images.found() if image.service == params["service"]]
    act = _remove if params["state"] == "absent" else _settle
    shown = {
        "before": {"images": sorted(image.name for image in before)},
        "after": {"images": sorted(act(images, before, params, check))},
    }
    return {"changed": shown["before"] != shown["after"], "images": shown["after"]["images"], "diff": shown}


def _remove(images: Images, before: list[Image], params: dict[str, Any], check: bool) -> list[str]:
    chosen = {images.reference(image.service, image.key, image.state): image for image in before}
    chosen = {reference: image for reference, image in chosen.items() if reference in params["images"]}
    used = [f"{image.name} by {', '.join(image.used_by)}" for image in chosen.values() if image.used_by]
    if used:
        raise ValueError(f"in use: {'; '.join(used)}")
    if chosen and not check:
        images.remove(params["service"], chosen)
    return [image.name for image in before if image not in chosen.values()]


def _settle(images: Images, before: list[Image], params: dict[str, Any], check: bool) -> list[str]:
    key, state = params["key"], params["state"]
    names = [image.name for image in before]
    settled = f"{params['service']}:{state}-{key}"
    # What was good once may prove to be bad, never the other way round.
    for was in ("candidate", "good") if state == "bad" else ("candidate",):
        if f"{params['service']}:{was}-{key}" in names:
            if not check:
                images.settle(params["service"], key, state, params["record"], was)
            return list({settled, *names} - {f"{params['service']}:{was}-{key}"})
    if settled in names:
        return names
    raise ValueError(f"there is no candidate {key} of {params['service']}")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
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
        result = result_of(Images(Podman(params["lab"]), params["lab"]), params, module.check_mode)
    except (PodmanError, ValueError) as error:
        module.fail_json(msg=f"{params['lab']}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
