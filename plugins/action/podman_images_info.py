# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action behind golden.fleet.podman_images_info: every bake asks, and a module of its own takes half a second."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.golden.fleet.plugins.module_utils._podman.images import Image, Images
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError
from ansible_collections.golden.fleet.plugins.plugin_utils._controller_action import ControllerAction


class ActionModule(ControllerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": {"lab": {"type": "str", "required": True}, "service": {"type": "str"}}
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        images = Images(Podman(params["lab"]), params["lab"])
        try:
            found = images.found()
        except PodmanError as error:
            raise AnsibleActionFail(f"{params['lab']}: {error}") from error
        shown = [_shown(images, image) for image in found if params["service"] in (None, image.service)]
        return {"changed": False, "images": shown}


def _shown(images: Images, image: Image) -> dict[str, Any]:
    """The image as every provider lists one."""
    reference = images.reference(image.service, image.key, image.state)
    return {**dataclasses.asdict(image), "image": reference, "used_by": list(image.used_by)}
