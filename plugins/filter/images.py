# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that decide about images; their substance is in plugin_utils/_images.py and beside it, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _image_parent, _images
from ansible_collections.golden.fleet.plugins.plugin_utils._filters import told


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "image_for_group": _images.for_group,
            "image_member": told(_images.member_for, _images.ImageError),
            "image_packages": _images.parse_packages,
            "image_parent": _image_parent.parent_for,
            "image_plan": _images.plan,
            "image_proof": _images.proof,
            "image_releases": told(_images.releases_for, _images.ImageError),
            "image_to_launch": told(_images.to_launch, _images.ImageError),
            "images_table": _images.table,
            "images_to_remove": _images.to_remove,
            "package_changes": _images.package_changes,
        }
