# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change is refused for, what it wants and what is told of it: the same on every kind of host."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from . import plan
from .errors import BadInputError, ChecksumError, NotStagedError, SupersededError
from .found import Found, in_slots, listed, oldest_proven_first, shown


def told(found: Found) -> dict[str, Any]:
    """The answer of ``release_info``."""
    return {
        "changed": False,
        "active": found.active,
        "activation_done": found.activation_done,
        "number": found.number,
        "releases": listed(found),
        "slots": in_slots(found),
        "awaited": _awaited(found),
    }


def _awaited(found: Found) -> dict[str, str] | None:
    """The switch that is waited for; once its moment is over, who waited for it has died."""
    wish = found.awaited
    if not wish or wish["at"] < time.time():
        return None
    return {"version": wish["version"], "at": plan.written(wish["at"])}


def refuse_superseded(found: Found, params: dict[str, Any]) -> None:
    number = params["number"]
    if number is not None and number < found.number:
        raise SupersededError(
            f"superseded: this comes with number {number}, and one with number {found.number} has been here since; "
            "nothing was changed"
        )


def to_stage(found: Found, params: dict[str, Any]) -> bool:
    """Whether there is anything to stage. A version is one artifact for ever: another one needs another name."""
    version, sha256 = params["version"], params["sha256"]
    record = found.releases.get(version)
    if record is None:
        if not sha256 or not (params["url"] or params["src"]):
            raise BadInputError(f"{version} isn't staged: to stage it, say its url (or src) and its sha256")
        return True
    if sha256 and record["sha256"] and sha256.lower() != record["sha256"]:
        raise ChecksumError(
            f"{version} is staged already, from an artifact with sha256 {record['sha256']}; this one has {sha256}. "
            "A version names one artifact: give the new one a new version"
        )
    return False


def wanted(found: Found, params: dict[str, Any]) -> Found:
    """What the change would leave behind; a release that isn't there yet counts as staged by an earlier task."""
    version, now = params["version"], plan.moment(found)
    found = found._replace(awaited=None)
    if params["state"] == "staged":
        after = plan.staged(found, version, params["sha256"].lower(), now) if to_stage(found, params) else found
        return plan.brought(after, version, plan.slot_for(found, version)) if params["slots"] else after
    if version not in found.releases:
        found = plan.staged(found, version, "", now)
    if params["state"] == "active":
        slot = plan.slot_for(found, version) if params["slots"] else None
        return plan.active(plan.brought(found, version, slot) if slot else found, version, now, slot)
    if params["state"] == "bad":
        return plan.bad(found, version, now, params["reason"])
    proven = plan.good(found, version, now)
    return plan.pruned(proven, params["keep_good"]) if params["keep_good"] else proven


def not_staged(version: str, found: Found) -> NotStagedError:
    staged = ", ".join(record["version"] for record in oldest_proven_first(found.releases)) or "none"
    return NotStagedError(f"{version} isn't staged here; staged are: {staged}")


def result(
    before: Found, after: Found, params: dict[str, Any], done: str, edited: Sequence[str] = ()
) -> dict[str, Any]:
    """The answer; ``edited`` is what somebody had changed in the slot, and which is now as it was released."""
    sides = {"before": shown(before), "after": shown(after)}
    if edited:
        sides["before"]["edited"] = sorted(edited)
    changed = sides["before"] != sides["after"]
    headers = {"before_header": params["root"], "after_header": params["root"]}
    return {
        "changed": changed,
        "version": params["version"],
        "active": after.active,
        "previous": plan.previous_of(after, after.active) if after.active else None,
        "releases": listed(after),
        "pruned": sorted(set(before.releases) - set(after.releases)),
        "edited": sorted(edited),
        "diff": {**sides, **headers},
        "msg": done if changed else f"{params['version']} is {params['state']} already",
    }
