# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each step would leave behind: pure functions from what was found to what is wanted.

Check mode answers with them, and the steps themselves write what they say, so that both can't differ.
"""

from __future__ import annotations

import time
from typing import Any

from .found import Found, Record, oldest_proven_first
from .layout import SLOTS


def moment(found: Found, seconds: float | None = None) -> str:
    """Now, in UTC; but later than every moment on record, so that a clock set back doesn't change an order."""
    now = written(time.time() if seconds is None else seconds)
    stamps = [record[key] or "" for record in found.releases.values() for key in ("staged_at", "good_at", "bad_at")]
    latest = max(stamps, default="")
    return now if now > latest else _next(latest)


def written(seconds: float) -> str:
    """A moment, in UTC, as it is kept and shown."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1_000_000):06d}Z"


def _next(stamp: str) -> str:
    from datetime import datetime, timedelta

    later = datetime.fromisoformat(stamp.rstrip("Z")) + timedelta(microseconds=1)
    return later.isoformat(timespec="microseconds") + "Z"


def staged(found: Found, version: str, sha256: str, now: str) -> Found:
    record = {"version": version, "sha256": sha256, "staged_at": now, "good_at": None, "bad_at": None, "reason": None}
    return found._replace(releases={**found.releases, version: record})


def switching(found: Found, version: str, now: str) -> dict[str, Any]:
    """The marker that is on the disk before the link is touched."""
    return {"version": version, "previous": previous_of(found, version), "started_at": now, "done_at": None}


def previous_of(found: Found, version: str) -> str | None:
    """What ran before ``version``: a switch that was begun remembers it."""
    if found.active == version:
        return found.activation.get("previous") if found.activation.get("version") == version else None
    return found.active


def slot_for(found: Found, version: str) -> str:
    """The slot in use where it has the version already, else the idle one."""
    if found.slot and found.active == version:
        return found.slot
    return SLOTS[1] if found.slot == SLOTS[0] else SLOTS[0]


def brought(found: Found, version: str, slot: str) -> Found:
    """With the version in the slot."""
    return found._replace(slots={**found.slots, slot: {"version": version, "whole": True}})


def in_use(found: Found, version: str, slot: str | None) -> bool:
    """Whether the version is what is switched to, from that slot where there is one, and was carried through."""
    return found.active == version and found.slot == slot and found.activation_done


def active(found: Found, version: str, now: str, slot: str | None = None) -> Found:
    if in_use(found, version, slot):
        return found
    activation = {**switching(found, version, now), "done_at": now}
    return found._replace(active=version, slot=slot, activation=activation)


def good(found: Found, version: str, now: str) -> Found:
    """The first proof counts: a version that was good all along keeps its place in the order."""
    record = found.releases[version]
    return _marked(found, {**record, "good_at": record["good_at"] or now, "bad_at": None, "reason": None})


def bad(found: Found, version: str, now: str, reason: str) -> Found:
    record = found.releases[version]
    return _marked(
        found, {**record, "good_at": None, "bad_at": record["bad_at"] or now, "reason": reason or record["reason"]}
    )


def _marked(found: Found, record: Record) -> Found:
    return found._replace(releases={**found.releases, record["version"]: record})


def pruned(found: Found, keep_good: int) -> Found:
    """Without the releases that nobody needs: kept are the active one, the way back and the newest good ones."""
    kept = kept_by_prune(found, keep_good)
    return found._replace(releases={version: found.releases[version] for version in found.releases if version in kept})


def kept_by_prune(found: Found, keep_good: int) -> set[str]:
    proven = [record["version"] for record in reversed(oldest_proven_first(_good_ones(found)))]
    way_back = [version for version in proven if version != found.active][:1]
    kept = {*proven[:keep_good], *way_back, found.active}
    if not found.activation_done:
        # A switch that was begun and not carried through may still be turned back.
        kept |= {found.activation.get("version"), found.activation.get("previous")}
    return {version for version in kept if version}


def _good_ones(found: Found) -> dict[str, Record]:
    return {version: record for version, record in found.releases.items() if record["good_at"]}
