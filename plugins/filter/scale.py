# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that decide how a service is scaled; their substance is in plugin_utils/_scale.py, tested there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _scale


def scale_plan(contracts: Sequence[Mapping[str, Any]], service: str, count: Any, found: Mapping[str, Any]) -> Any:
    """The plan, or in ``problem`` why there is none, for a task to say so: a filter's own error is hard to read."""
    try:
        return {"problem": "", **_scale.plan(contracts, service, count, found)}
    except _scale.ScaleError as error:
        return {"problem": str(error)}


def scale_group(contract: Mapping[str, Any], asked: Any) -> dict[str, Any]:
    """The count for a group that its provider scales, or in ``problem`` why it can't be that."""
    try:
        return {"problem": "", "count": _scale.group_count(contract, asked)}
    except _scale.ScaleError as error:
        return {"problem": str(error)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "scale_group": scale_group,
            "scale_outcome": _scale.outcome,
            "scale_plan": scale_plan,
            "scale_table": _scale.table,
        }
