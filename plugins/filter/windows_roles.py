# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of the runtime roles of Windows; their substance is in plugin_utils/_windows_roles.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _windows_roles
from ansible_collections.golden.fleet.plugins.plugin_utils._filters import told


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        wrong = _windows_roles.WindowsRoleError
        return {
            "firewall_addresses": told(_windows_roles.firewall_addresses, wrong),
            "folder_rights": _windows_roles.folder_rights,
            "url_reservation_commands": told(_windows_roles.url_reservation_commands, wrong),
            "windows_way_in": _windows_roles.way_in,
            "winrm_listener_commands": told(_windows_roles.listener_commands, wrong),
            "website_bindings": _windows_roles.website_bindings,
            "website_differences": _windows_roles.website_differences,
        }
