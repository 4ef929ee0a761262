# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of playbooks/artifacts.yml; their substance is in plugin_utils/_publication.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.golden.fleet.plugins.plugin_utils import _publication


def artifact_releases(contracts: Any, version: str = "") -> list[dict[str, Any]]:
    try:
        return _publication.releases(contracts, version)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"artifact_releases": artifact_releases, "artifact_publication": _publication.publication}
