# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who waits at this balancer to be taken out, in which order: the member whose last change took longest goes first.

So a slow member begins early and the others are changed beside it: "longest processing time first", which packs a
window within a third of the ideal (R. L. Graham, Bounds on Multiprocessing Timing Anomalies, 1969).
The line is advice and not part of the record: who stands in it without waiting any more drops out by time.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .._files import NotJsonError, read_json


class Line:
    """The line of one service, in a file; to be used while the service's record is held."""

    def __init__(self, path: str) -> None:
        self._path = path

    def join(self, member: str, number: int, now: float, until: float) -> None:
        """Stands the member in line for the rollout ``number``; where it stands already, until then."""
        waiting = self._read(now)
        mine = waiting.get(member)
        if mine and mine["number"] == number and mine["until"] >= until - 1:
            return
        since = mine["since"] if mine and mine["number"] == number else now
        self._write({**waiting, member: {"number": number, "since": since, "until": until}})

    def leave(self, member: str, now: float) -> None:
        waiting = self._read(now)
        if waiting.pop(member, None):
            self._write(waiting)

    def ahead(self, member: str, number: int, took: dict[str, float], now: float) -> list[str]:
        """Those who wait for the same rollout and go before ``member``; ``took``: seconds of each one's last change."""
        waiting = {name: one for name, one in self._read(now).items() if one["number"] == number}
        mine = waiting.get(member, {"since": now})
        order = sorted((-took.get(name, 0), one["since"], name) for name, one in {**waiting, member: mine}.items())
        names = [name for _, _, name in order]
        return names[: names.index(member)]

    def _read(self, now: float) -> dict[str, Any]:
        try:
            waiting = read_json(self._path, {})
            return {
                name: one
                for name, one in waiting.items()
                if one["until"] > now and one["since"] <= now and one["number"] >= 0
            }
        except (AttributeError, KeyError, NotJsonError, TypeError):
            return {}

    def _write(self, waiting: dict[str, Any]) -> None:
        # Not brought to the disk: after a crash nobody waits any more.
        with open(f"{self._path}.new", "w", encoding="utf-8") as file:
            json.dump(waiting, file)
        os.replace(f"{self._path}.new", self._path)
