# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that decide how a service is scaled; their substance is in plugin_utils/_scale.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _scale
from ansible_collections.golden.fleet.plugins.plugin_utils._filters import told


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "scale_count": told(_scale.checked_count, _scale.ScaleError),
            "scale_outcome": _scale.outcome,
            "scale_plan": told(_scale.plan, _scale.ScaleError),
            "scale_table": _scale.table,
        }
