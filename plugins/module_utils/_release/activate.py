# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a staged release the active one: the switch is one rename, and is known to be whole only after its commands."""

from __future__ import annotations

from typing import Any

from .._files import atomic_write_json, replace_link
from .commands import run_all
from .found import Found
from .layout import Layout
from .plan import switching


def activate(layout: Layout, found: Found, params: dict[str, Any], now: str) -> str:
    """Switches and runs the commands. Killed or failed anywhere, the same step run again carries it through."""
    version = params["version"]
    marker = switching(found, version, now)
    # On the disk before the link: after a power cut we know that the commands haven't run to their end.
    atomic_write_json(layout.activation, marker)
    if found.active != version:
        replace_link(layout.current, f"releases/{version}")
    run_all(
        params["activate"],
        stage="activate",
        root=layout.root,
        path=layout.release(version),
        version=version,
        timeout_seconds=params["activate_timeout_seconds"],
    )
    atomic_write_json(layout.activation, {**marker, "done_at": now})
    if found.active == version:
        return f"{version} was active already; carried its activation through"
    return f"switched from {found.active or 'none'} to {version}"
