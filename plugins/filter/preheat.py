# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters behind preheat; their substance is in plugin_utils/_preheat.py, tested there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _preheat


def preheat_plan(contract: Mapping[str, Any], asked: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The plan, or in ``problem`` why there is none, for a task to say so: a filter's own error is hard to read."""
    try:
        return {"problem": "", **_preheat.plan(contract, asked, now)}
    except _preheat.PreheatError as error:
        return {"problem": str(error)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "preheat_plan": preheat_plan,
            "preheat_table": _preheat.table,
            "preheat_timers": _preheat.timers,
        }
