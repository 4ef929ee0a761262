# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pages of the service `pages` say of themselves: out of which releases, and whether it was the one in use."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demo.records import Record

# The part of a page that is the same from one request to the next; a load's record holds it as its version.
PATTERN = r'^\{("version":.*?"files":\d+)'
# A link's time is the kernel's last tick before it was renamed: at 100 ticks a second up to this long before.
TICK_SECONDS = 0.01


@dataclass(frozen=True)
class Switch:
    """From this time on, in seconds since 1970, a member's link leads to a release; the member by its address."""

    at: float
    member: str
    version: str


@dataclass(frozen=True)
class Answer:
    """One page: when it was asked for and had come, and what it says of itself."""

    sent: float
    ended: float
    version: str
    member: str
    releases: frozenset[str]
    files: int

    @property
    def mixed(self) -> bool:
        """Out of files that are not all of one release: of 1.4.1 those that did not change are of 1.4.0."""
        return self.releases != {self.version, re.sub(r"^(\d+\.\d+)\.\d+$", r"\1.0", self.version)}


def answers(records: Iterable[Record]) -> list[Answer]:
    """The pages that came in answer to requests that did not fail."""
    found = []
    for record in records:
        if not record.failed:
            said = json.loads(f"{{{record.version}}}")
            releases = frozenset(said["releases"])
            ended = record.answered_at
            found.append(Answer(record.sent, ended, said["version"], said["member"], releases, said["files"]))
    return found


def stale(given: Iterable[Answer], switches: Iterable[Switch]) -> list[Answer]:
    """Answers of a release that the member's link led to at no time between the request's start and its end.

    So an answer of the older release counts where the request was sent after the link had been renamed, and one of the
    newer release where it had come before. The first switch of each member is to be from before the first request.
    """
    history: dict[str, list[Switch]] = {}
    for switch in sorted(switches, key=lambda switch: switch.at):
        history.setdefault(switch.member, []).append(switch)
    times = {member: [switch.at for switch in own] for member, own in history.items()}
    return [one for one in given if one.version not in _served(one, history[one.member], times[one.member])]


def _served(one: Answer, history: Sequence[Switch], times: Sequence[float]) -> set[str]:
    first = bisect_right(times, one.sent - TICK_SECONDS) - 1
    return {switch.version for switch in history[max(first, 0) : bisect_right(times, one.ended)]}
