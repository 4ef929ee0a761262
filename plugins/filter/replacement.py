# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that decide how hosts are replaced; their substance is in plugin_utils (_replacement, _way_back)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _replacement, _scale, _way_back
from ansible_collections.golden.fleet.plugins.plugin_utils._images import active_release


def replacement_plan(contracts: Sequence[Mapping[str, Any]], service: str, version: str, found: Any) -> Any:
    """The plan, or in ``problem`` why there is none, for a task to say so: a filter's own error is hard to read."""
    try:
        return {"problem": "", **_replacement.plan(contracts, service, version, found)}
    except _scale.ScaleError as error:
        return {"problem": str(error)}


def replacement_verdict(plan: Mapping[str, Any], service: str, grown: Sequence[Mapping[str, Any]]) -> Any:
    return _replacement.judge(service, plan, grown)


def way_back(releases: Any, service: str, asked: str, pool: Any, images: Any) -> Any:
    """Where to go back to, or in ``problem`` why nowhere."""
    try:
        return {"problem": "", **_way_back.choose(service, asked, releases, pool, images)}
    except _way_back.NoWayBackError as error:
        return {"problem": str(error)}


def without_kept(found: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, by member, without those that are kept aside."""
    return {name: value for name, value in found.items() if not pool["members"].get(name, {}).get("kept")}


def overdue(pool: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The launched hosts that were kept for as long as they were to be."""
    aside = _scale.kept_aside(pool)
    return [host["name"] for host in hosts if aside.get(host["name"], {}).get("expired")]


def images_of(images: Sequence[Mapping[str, Any]], versions: Sequence[str]) -> list[Mapping[str, Any]]:
    """The good images in which one of the versions is active."""
    return [image for image in images if image["state"] == "good" and active_release(image) in versions]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "images_of": images_of,
            "overdue": overdue,
            "replacement_plan": replacement_plan,
            "replacement_table": _replacement.table,
            "replacement_verdict": replacement_verdict,
            "way_back": way_back,
            "without_kept": without_kept,
        }
