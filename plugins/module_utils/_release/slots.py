# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two fixed places that releases run from in turn, yin and yang: paths stay two, whatever the number of releases.

::

    <root>/slots/yin, yang     a copy of a release each: one is what `current` leads to, the other one is idle
    <root>/slots/yin.json      which release it holds, and whether wholly so
    <root>/slots/yin/.golden-fleet-yin   empty: tells a web server that can't read links which slot `current` leads to
    <root>/next                link to the slot that was brought to a release last, for that to be looked at

The idle slot is brought to a release by what differs; files that are the same keep their inodes and times, and with
them their place in caches. Nothing here writes to the slot in use, except to put right what was edited by hand.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .._files import atomic_write_json, replace_link, sync_filesystem
from .found import Found
from .layout import Layout
from .plan import slot_for
from .removal import remove
from .tree import Mirror


class Brought(NamedTuple):
    """The slot that holds the release now, what had to be written to it, and what somebody had changed in it."""

    slot: str
    done: str
    edited: list[str]


def bring(layout: Layout, found: Found, params: dict[str, Any]) -> Brought:
    """Brings a slot to the version, which is staged; killed anywhere, the same again carries it through."""
    version = params["version"]
    slot = slot_for(found, version)
    record = found.slots.get(slot, {})
    whole = record.get("version") == version and record["whole"]
    if not whole and os.path.isdir(layout.slot(slot)):
        _quiesce(layout, slot, params)
    _stamp(layout, found, version)
    work = f"{layout.staging}/slot.{os.getpid()}"
    os.mkdir(work, 0o700)
    try:
        mirror = _mirror(layout, slot, record, version, work)
    finally:
        remove(work)
    # Also where that is the one in use: a switch that was begun is proven there again before it is carried through.
    if not _leads(layout.next, f"slots/{slot}"):
        replace_link(layout.next, f"slots/{slot}")
    return Brought(slot, _said(slot, version, mirror) if mirror.differs or not whole else "", mirror.edited)


def edited(layout: Layout, found: Found, version: str) -> list[str]:
    """What differs from the release in the slot that passes for it; writes nothing."""
    slot = slot_for(found, version)
    record = found.slots.get(slot, {})
    if record.get("version") != version or not record["whole"] or version not in found.releases:
        return []
    since = _since(layout, slot, record)
    source, target = layout.release(version), layout.slot(slot)
    return Mirror(source, target, work=None, since=since, claimed=True, passed_by=_marker(slot)).run().edited


def _mirror(layout: Layout, slot: str, record: dict[str, Any], version: str, work: str) -> Mirror:
    source, target = layout.release(version), layout.slot(slot)
    os.makedirs(target, mode=0o755, exist_ok=True)
    since = _since(layout, slot, record)
    whole = record.get("version") == version and record["whole"]
    inode = os.stat(target).st_ino
    if not whole:
        # From here on the slot is nobody's; what was known of it is kept for whoever carries this through.
        begun = {"version": version, "whole": False, "inode": inode, "since": since}
        atomic_write_json(layout.slot_record(slot), begun)
    mirror = Mirror(source, target, work=work, since=since, claimed=whole, passed_by=_marker(slot)).run()
    _make(f"{target}/{_marker(slot)}")
    if mirror.differs:
        sync_filesystem(target)
    if mirror.differs or not whole:
        atomic_write_json(layout.slot_record(slot), {"version": version, "whole": True, "inode": inode, "since": None})
    return mirror


def _marker(slot: str) -> str:
    return f".golden-fleet-{slot}"


def _make(marker: str) -> None:
    if not os.path.lexists(marker):
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))


def _since(layout: Layout, slot: str, record: dict[str, Any]) -> int | None:
    """When we last wrote to the slot: its record is the last thing that is written. None for a copy of another disk."""
    try:
        if record.get("inode") != os.stat(layout.slot(slot)).st_ino:
            return None
    except FileNotFoundError:
        return None
    return os.stat(layout.slot_record(slot)).st_ctime_ns if record["whole"] else record["since"]


def _stamp(layout: Layout, found: Found, version: str) -> None:
    """Has the times of the release's files stand for their contents."""
    record = found.releases[version]
    if not record.get("stamped"):
        from .stamps import stamp

        stamp(layout.release(version))
        atomic_write_json(layout.record(version), {**record, "stamped": True})


def _quiesce(layout: Layout, slot: str, params: dict[str, Any]) -> None:
    from .commands import run_all

    path = layout.slot(slot)
    run_all(
        [[word.replace("{slot}", path) for word in command] for command in params["quiesce"]],
        stage="quiesce",
        root=layout.root,
        path=layout.root,
        version=params["version"],
        timeout_seconds=params["quiesce_timeout_seconds"],
    )


def _leads(link: str, target: str) -> bool:
    try:
        return os.readlink(link) == target
    except OSError:
        return False


def _said(slot: str, version: str, mirror: Mirror) -> str:
    counts = f"{len(mirror.written)} written, {len(mirror.removed)} removed, {mirror.kept} left as they were"
    said = f"brought {slot} to {version}: {counts}"
    if mirror.edited:
        some = ", ".join(mirror.edited[:5]) + (f" and {len(mirror.edited) - 5} more" if len(mirror.edited) > 5 else "")
        said += f"; put right what had been edited by hand: {some}"
    return said
