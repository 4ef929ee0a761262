# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a service is to grow for an event, and when to go back, decided before anything is scheduled. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._scale import ScaleError, group_count
from ansible_collections.golden.fleet.plugins.plugin_utils._tables import table as lines_of

_EXAMPLE = "2026-12-24T18:00:00+01:00"


class PreheatError(Exception):
    """The event can't be scheduled as asked; the message says what to do."""


def plan(contract: Mapping[str, Any], asked: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What to schedule: ``state``, ``event``, ``begins``, ``ends`` (UTC), ``count`` and ``count_after`` (-1: as now).

    ``asked`` is what the command line gave: ``at``, ``end``, ``count``, ``after``, ``warm_seconds``, ``event`` and
    ``state``; ``now`` is the time by the epoch. Without ``at`` what is scheduled is listed. PreheatError.
    """
    event = str(asked.get("event") or "").strip()
    if event and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", event):
        raise PreheatError(f"event is {event!r}: small letters, digits and dashes, up to 40, such as christmas-2026")
    state = str(asked.get("state") or ("present" if asked.get("at") else "listed"))
    if state not in ("present", "absent", "listed"):
        raise PreheatError(f"state is {state!r} and not present, absent or listed")
    planned = {"state": state, "event": event, "begins": "", "ends": "", "count": 0, "count_after": -1}
    if state != "present":
        return planned
    begins, ends = _times(asked, now)
    return {
        **planned,
        "event": event or "event",
        "begins": _text(begins),
        "ends": _text(ends),
        "count": _count(contract, asked.get("count", "")),
        "count_after": _count(contract, asked["after"]) if str(asked.get("after") or "") else -1,
    }


def _times(asked: Mapping[str, Any], now: float) -> tuple[datetime.datetime, datetime.datetime]:
    at, end = _time("at", asked.get("at")), _time("end", asked.get("end"))
    warm = str(asked.get("warm_seconds", "")).strip()
    if not re.fullmatch(r"\d{1,6}", warm):
        raise PreheatError(f"warm_seconds is {warm!r} and not a number of seconds, such as -e warm_seconds=900")
    current = datetime.datetime.fromtimestamp(now, tz=datetime.timezone.utc)
    begins = at - datetime.timedelta(seconds=int(warm))
    if at <= current:
        raise PreheatError(f"at is {_text(at)}, which is past: it is {_text(current)}")
    if begins <= current:
        raise PreheatError(
            f"to be warm at {_text(at)} it would have to have begun at {_text(begins)}, and it is {_text(current)}:"
            " scale now, or leave less time by -e warm_seconds=..."
        )
    if end <= at:
        raise PreheatError(f"end is {_text(end)}, which isn't after {_text(at)}")
    return begins, end


def _time(name: str, given: Any) -> datetime.datetime:
    text = str(given or "").strip()
    try:
        when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise PreheatError(f"{name} is {text!r} and not a time, such as -e {name}={_EXAMPLE}") from error
    if when.tzinfo is None:
        raise PreheatError(f"{name} is {text!r}: in which zone? Say it, as in {_EXAMPLE}, or 2026-12-24T17:00:00Z")
    return when


def _count(contract: Mapping[str, Any], asked: Any) -> int:
    try:
        return group_count(contract, asked)
    except ScaleError as error:
        raise PreheatError(str(error)) from error


def _text(when: datetime.datetime) -> str:
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def timers(service: str, planned: Mapping[str, Any], now_serving: int, run: Sequence[str]) -> list[str]:
    """Command lines that have systemd scale a service for an event, where ``run`` runs ``scale``."""
    after = planned["count_after"] if planned["count_after"] >= 0 else now_serving
    lines = []
    for what, at, count in (("grow", planned["begins"], planned["count"]), ("back", planned["ends"], after)):
        when = at.replace("T", " ").replace("Z", " UTC")
        unit = f"preheat-{service.replace('_', '-')}-{planned['event']}-{what}"
        scale = " ".join([*run, "-e", f"service={service}", "-e", f"count={count}"])
        lines.append(f"systemd-run --unit={unit} --on-calendar='{when}' {scale}")
    return lines


def table(service: str, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The events as lines of text."""
    if not events:
        return [f"{service}: nothing is scheduled"]
    heads = ["event", "grows at", "to", "goes back at", "to"]
    rows = [
        [one["name"], one["begins"] or "has grown", one["count"] or "", one["ends"], one["count_after"]]
        for one in events
    ]
    return [f"{service}:", *lines_of(heads, rows)]
