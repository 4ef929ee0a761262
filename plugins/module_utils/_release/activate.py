# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a staged release the active one: the switch is one rename, and is known to be whole only after its commands."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .._files import atomic_write_json, replace_link
from .commands import run_all
from .found import Found
from .layout import Layout
from .plan import switching


class Switch(NamedTuple):
    """What was done, in words; and whether that is yet to come, by a process that waits for its moment."""

    done: str
    awaited: bool = False


def activate(layout: Layout, found: Found, params: dict[str, Any], now: str, slot: str | None = None) -> Switch:
    """Switches and runs the commands. Killed or failed anywhere, the same step run again carries it through.

    ``slot`` is the one that holds the release, where releases run from slots. With ``at`` in the params all but the
    link is ready before that moment; a process of its own waits for it, and this one answers.
    """
    version = params["version"]
    place = f"slots/{slot}" if slot else f"releases/{version}"
    leads_there = found.active == version and found.slot == slot
    marker = switching(found, version, now)
    if not leads_there and _is_ahead(params["at"]):
        from .moment import leave_waiter

        if not leave_waiter(layout, params, marker, found.activation):
            return Switch(f"will switch from {found.active or 'none'} to {version} when it is time", awaited=True)
    else:
        # On the disk before the link: after a power cut we know that the commands haven't run to their end.
        atomic_write_json(layout.activation, marker)
    if not leads_there:
        replace_link(layout.current, place)
    run_all(
        params["activate"],
        stage="activate",
        root=layout.root,
        path=f"{layout.root}/{place}",
        version=version,
        timeout_seconds=params["activate_timeout_seconds"],
    )
    atomic_write_json(layout.activation, {**marker, "done_at": now})
    if leads_there:
        return Switch(f"{version} was active already; carried its activation through")
    return Switch(f"switched from {found.active or 'none'} to {version}")


def _is_ahead(at: float | None) -> bool:
    return at is not None and at > time.time()
