# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of a lab, from sizes to hosts and from hosts to an inventory; described in files of their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.golden.fleet.plugins.plugin_utils import _lab


def lab_hosts(sizes: Any, zones: Any, services: Any, extra: Any = (), on_windows: Any = ()) -> list[dict[str, Any]]:
    try:
        return _lab.lab_hosts(sizes, zones=zones, services=services, extra=extra, on_windows=on_windows)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def last_addresses(subnet: Any, count: Any) -> list[str]:
    try:
        return _lab.last_addresses(subnet, int(count))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "lab_hosts": lab_hosts,
            "lab_inventory": _lab.lab_inventory,
            "lab_services": _lab.lab_services,
            "lab_windows_services": _lab.windows_services,
            "last_addresses": last_addresses,
        }
