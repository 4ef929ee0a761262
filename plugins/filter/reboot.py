# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of the role reboot; their substance is in plugin_utils/_reboot.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _reboot
from ansible_collections.golden.fleet.plugins.plugin_utils._filters import told


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "reboot_failures": _reboot.failures,
            "reboot_plan": told(_reboot.plan, _reboot.RebootError),
            "reboot_table": _reboot.table,
        }
