# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way in: brings one release to one state, or tells what is there. Runs on the host."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .._files import LockBusyError, NotJsonError, atomic_write_json, locked
from . import plan
from .errors import ReleaseError, disk_error
from .found import Found, read
from .layout import Layout
from .outcome import not_staged, refuse_superseded, result, to_stage, told, wanted
from .params import checked, checked_root
from .removal import remove_releases, tidy


def main(params: dict[str, Any]) -> dict[str, Any]:
    """Answers with what was done or found; with ``failed``, ``kind`` and ``msg`` where it couldn't be."""
    # What is made here is read by the service's own user, whatever the mask of the one who runs it.
    os.umask(0o022)
    try:
        layout = Layout(checked_root(params.get("root")))
        if params.get("operation") == "info":
            return told(read(layout))
        return _change(layout, checked(params))
    except ReleaseError as error:
        return {"failed": True, "kind": error.kind, "msg": str(error)}
    except LockBusyError as error:
        return {"failed": True, "kind": "locked", "msg": str(error)}
    except NotJsonError as error:
        return {"failed": True, "kind": "disk", "msg": str(error)}
    except OSError as error:
        return {"failed": True, "kind": "disk", "msg": str(disk_error(params["root"], error))}


def _change(layout: Layout, params: dict[str, Any]) -> dict[str, Any]:
    if params["at"] is not None:
        from .moment import by_own_clock

        # Before anything that takes its time: from here on, the host's own clock counts.
        params = {**params, "at": by_own_clock(params["at"], params.get("told_at"))}
    if params["check_mode"]:
        found = read(layout)
        refuse_superseded(found, params)
        return result(found, wanted(found, params), params, "would be changed", _edited(layout, found, params))
    if params["state"] != "staged" and not os.path.isdir(layout.releases):
        raise not_staged(params["version"], read(layout))
    layout.make()
    holder = f"{params['state']} {params['version']}"
    with locked(layout.lock, params["lock_wait_seconds"], holder, lambda: _call_off(layout, params)):
        seen = read(layout)
        refuse_superseded(seen, params)
        tidy(layout)
        found, done = _without_wait(layout, seen)
        if params["number"] is not None and params["number"] > found.number:
            # Before the change itself: from here on, a lower number is refused even if we are cut off.
            atomic_write_json(layout.fence, {"number": params["number"]})
        change = _apply(layout, found, params)
        after = wanted(found, params) if change.awaited else read(layout)
        return result(seen, after, params, _words(done, change.done), change.edited)


def _call_off(layout: Layout, params: dict[str, Any]) -> None:
    """While another has the lock: that may be a process that waits for its moment, or is about to."""
    if os.path.lexists(layout.awaited):
        from .moment import call_off

        refuse_superseded(read(layout), params)
        call_off(layout, params)


def _without_wait(layout: Layout, found: Found) -> tuple[Found, str]:
    """What is there without a switch that nobody waits for any more, and what that took, in words."""
    if not os.path.lexists(layout.awaited) and not os.path.lexists(layout.called_off):
        return found, ""
    from .moment import forget

    done = forget(layout)
    return read(layout), done


def _words(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _edited(layout: Layout, found: Found, params: dict[str, Any]) -> list[str]:
    if not params["slots"] or params["state"] not in ("staged", "active"):
        return []
    from .slots import edited

    return edited(layout, found, params["version"])


class Change(NamedTuple):
    """What was done, in words, what was put right in a slot, and whether the switch is yet to come."""

    done: str
    edited: list[str]
    awaited: bool = False


def _apply(layout: Layout, found: Found, params: dict[str, Any]) -> Change:
    """Makes the change where there is one to make."""
    version, state = params["version"], params["state"]
    done = ""
    if state == "staged":
        if to_stage(found, params):
            from .stage import stage

            done = stage(layout, found, params, plan.moment(found))
            found = read(layout)
    elif version not in found.releases:
        raise not_staged(version, found)
    if state not in ("staged", "active"):
        return Change(_mark(layout, found, params), [])
    slot: str | None = None
    edited: list[str] = []
    if params["slots"]:
        from .slots import bring

        slot, brought, edited = bring(layout, found, params)
        done = _words(done, brought)
    if state == "active" and not plan.in_use(found, version, slot):
        from .activate import activate

        switch = activate(layout, read(layout), params, plan.moment(found), slot)
        return Change(_words(done, switch.done), edited, switch.awaited)
    return Change(done, edited)


def _mark(layout: Layout, found: Found, params: dict[str, Any]) -> str:
    """Writes what the release has proven to be, then removes those that nobody needs any more."""
    version, after = params["version"], wanted(found, params)
    if after.releases[version] != found.releases[version]:
        atomic_write_json(layout.record(version), after.releases[version])
    gone = [name for name in found.releases if name not in after.releases]
    if gone:
        remove_releases(layout, gone)
    return f"marked {version} {params['state']}" + (f", removed {', '.join(sorted(gone))}" if gone else "")
