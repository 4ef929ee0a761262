# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what is on the host. Nothing here changes anything, and nothing here needs the lock."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .._files import read_json
from .._names import check_version
from .errors import DiskError
from .layout import SLOTS, Layout

Record = dict[str, Any]


class Found(NamedTuple):
    """The releases under one root at one moment."""

    active: str | None
    activation: dict[str, Any]
    number: int
    releases: dict[str, Record]
    # The slot that is in use, where releases run from slots, and what each of the two holds.
    slot: str | None = None
    slots: dict[str, Record] = {}  # noqa: RUF012  # a NamedTuple's default, which nobody changes
    # The switch that a process waits for, with its `version` and `at`, the moment in seconds since 1970.
    awaited: dict[str, Any] | None = None

    @property
    def activation_done(self) -> bool:
        """Whether what is active was also carried through: its commands have succeeded since the switch to it."""
        begun = self.activation.get("version")
        return self.active is not None and begun == self.active and bool(self.activation.get("done_at"))


def read(layout: Layout) -> Found:
    """What is there; all of it empty where the root was never provisioned."""
    try:
        versions = os.listdir(layout.releases)
    except FileNotFoundError:
        versions = []
    releases = {version: _record(layout, version) for version in versions if _is_version(version)}
    slots = {name: record for name in SLOTS if (record := read_json(layout.slot_record(name)))}
    active, slot = _active(layout, releases, slots)
    return Found(
        active=active,
        activation=read_json(layout.activation, {}),
        number=int(read_json(layout.fence, {}).get("number", 0)),
        releases=releases,
        slot=slot,
        slots=slots,
        awaited=read_json(layout.awaited),
    )


def _is_version(name: str) -> bool:
    """Whether it is a release of ours: what somebody else put there is no release, and is never pruned."""
    try:
        check_version(name)
    except ValueError:
        return False
    return True


def _record(layout: Layout, version: str) -> Record:
    empty = dict.fromkeys(("sha256", "staged_at", "good_at", "bad_at", "reason"))
    return {**empty, **read_json(layout.record(version), {}), "version": version}


def _active(layout: Layout, releases: dict[str, Record], slots: dict[str, Record]) -> tuple[str | None, str | None]:
    """The release that the link leads to, and the slot that it is in, if it is in one."""
    try:
        target = os.readlink(layout.current)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        raise DiskError(f"{layout.current} is no link: move away what is there, it is to point at a release") from error
    folder, name = os.path.split(target)
    if folder == "slots":
        version = slots.get(name, {}).get("version")
        return (version if version in releases else None), name
    return (name if folder == "releases" and name in releases else None), None


def state_of(record: Record) -> str:
    """One word for a release: good, bad or staged."""
    if record["bad_at"]:
        return "bad"
    return "good" if record["good_at"] else "staged"


def oldest_proven_first(releases: dict[str, Record]) -> list[Record]:
    """The records by the moment at which they were proven good, or else staged."""
    return sorted(releases.values(), key=lambda record: (_moment(record), record["version"]))


def _moment(record: Record) -> str:
    return record["good_at"] or record["staged_at"] or ""


def listed(found: Found) -> list[dict[str, Any]]:
    """The releases as they are shown to a playbook."""
    return [
        {
            **{name: value for name, value in record.items() if name != "stamped"},
            "state": state_of(record),
            "active": record["version"] == found.active,
        }
        for record in oldest_proven_first(found.releases)
    ]


def in_slots(found: Found) -> dict[str, str]:
    """What each slot holds, in words."""
    return {
        name: record["version"] + ("" if record["whole"] else ", half-written")
        for name, record in sorted(found.slots.items())
    }


def shown(found: Found) -> dict[str, Any]:
    """One side of a diff."""
    slots = {"slots": in_slots(found), "slot": found.slot} if found.slots else {}
    awaited = {"awaited": found.awaited["version"]} if found.awaited else {}
    return {
        **slots,
        **awaited,
        "active": found.active,
        "activation_done": found.activation_done,
        "releases": {
            record["version"]: state_of(record) + (f": {record['reason']}" if record["reason"] else "")
            for record in oldest_proven_first(found.releases)
        },
    }
