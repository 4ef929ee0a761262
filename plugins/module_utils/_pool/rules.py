# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may be taken out: floor, window and budget. Pure; the engine decides by these under the balancer's lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

Share = Union[int, str]


class ShareError(ValueError):
    """A floor, window or budget that is neither a count nor a percentage."""


@dataclass(frozen=True)
class Limits:
    """What the contract allows; ``zones`` is each member's zone."""

    floor: Share = 0
    floor_per_zone: Share = 0
    window: Share = 1
    budget: Share = 0
    zones: Mapping[str, str] = field(default_factory=dict)
    turning_back: bool = False


def count_of(share: Share, total: int, up: bool = False) -> int:
    """How many of ``total`` a share is: a count as it is, a percentage rounded down, or ``up`` as a floor is."""
    text = str(share).strip()
    percent = text.endswith("%")
    try:
        number = int(text[:-1] if percent else text)
    except ValueError:
        number = -1
    if number < 0 or (percent and number > 100):
        raise ShareError(f"{share!r} is neither a count, such as 2, nor a percentage, such as '75%'")
    if not percent:
        return number
    return -(-total * number // 100) if up else total * number // 100


def check_feasible(floor: Share, floor_per_zone: Share, zones: Mapping[str, str]) -> str:
    """Why no member could be taken out even with all of them online; empty where one could. ``zones`` has them all."""
    total = len(zones)
    least = count_of(floor, total, up=True)
    if least >= total:
        return f"{_members(total)}, floor {_said(floor, least)}: none could ever be taken out"
    for zone, names in _by_zone(zones).items():
        least = count_of(floor_per_zone, len(names), up=True)
        if least >= len(names):
            return (
                f"{_members(len(names))} in zone {zone}, floor {_said(floor_per_zone, least)}: none could be taken out"
            )
    return ""


def refuse(
    member: str, online: Mapping[str, bool], leases: Mapping[str, Any], lock: Mapping[str, Any], limits: Limits
) -> dict[str, str]:
    """Why ``member`` may not be taken out now, as ``kind`` and ``msg``; empty where it may.

    ``online`` says of every member whether it serves customers now; those with a lease don't count, as their holder
    may take them out at any moment. Kinds ``floor`` and ``window`` pass by themselves, the others don't.
    """
    total = len(online)
    if not limits.turning_back:
        if lock.get("stop"):
            stop = lock["stop"]
            return _no("stopped", f"{stop['by']} asked the rollout to stop" + _because(stop.get("reason")))
        failed = sorted({failure["member"] for failure in lock.get("failures", [])})
        allowed = count_of(limits.budget, total)
        if len(failed) > allowed:
            return _no("budget", f"{len(failed)} failed ({', '.join(failed)}) and the failure budget is {allowed}")
    if online[member] and member not in leases:
        serving = {name for name, is_online in online.items() if is_online and name not in leases}
        refused = _below_floor(member, serving, set(online), limits)
        if refused:
            return refused
    window = max(1, count_of(limits.window, total))
    out = sorted(
        name
        for name, lease in leases.items()
        if name in online and name != member and lease["number"] == lock["number"] and not lease["failed"]
    )
    if len(out) >= window:
        return _no("window", f"{', '.join(out)} {'is' if len(out) == 1 else 'are'} out and the window is {window}")
    return {}


def _below_floor(member: str, serving: set[str], members: set[str], limits: Limits) -> dict[str, str]:
    problem = check_feasible(limits.floor, 0, dict.fromkeys(members, ""))
    if problem:
        return _no("impossible", problem)
    least = count_of(limits.floor, len(members), up=True)
    if len(serving) - 1 < least:
        return _no("floor", f"{len(serving)} of {_members(len(members))} are online and the floor is {least}")
    zone = limits.zones.get(member, "")
    if not zone:
        return {}
    beside = {name for name in members if limits.zones.get(name, "") == zone}
    problem = check_feasible(0, limits.floor_per_zone, dict.fromkeys(beside, zone))
    if problem:
        return _no("impossible", problem)
    least = count_of(limits.floor_per_zone, len(beside), up=True)
    if len(serving & beside) - 1 < least:
        seen = f"{len(serving & beside)} of {_members(len(beside))} in zone {zone} are online"
        return _no("floor", f"{seen} and the floor there is {least}")
    return {}


def _by_zone(zones: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for member, zone in zones.items():
        if zone:
            found.setdefault(zone, []).append(member)
    return found


def _no(kind: str, msg: str) -> dict[str, str]:
    return {"kind": kind, "msg": msg}


def _members(count: int) -> str:
    return f"{count} member{'' if count == 1 else 's'}"


def _said(share: Share, least: int) -> str:
    return f"{share} ({least})" if str(share).strip().endswith("%") else str(least)


def _because(reason: Any) -> str:
    return f": {reason}" if reason else ""
