# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that decide about images; their substance is in plugin_utils/_images.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.golden.fleet.plugins.plugin_utils import _images


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its refusals as Ansible's own kind of error."""

    def filtered(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _images.ImageError as error:
            raise AnsibleFilterError(str(error)) from error

    return filtered


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "image_packages": _images.parse_packages,
            "image_plan": _images.plan,
            "image_releases": _told(_images.releases_for),
            "images_table": _images.table,
            "images_to_remove": _images.to_remove,
            "package_changes": _images.package_changes,
        }
