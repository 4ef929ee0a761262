# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way in: brings one release to one state, or tells what is there. Runs on the host."""

from __future__ import annotations

import os
from typing import Any

from .._files import LockBusyError, NotJsonError, atomic_write_json, locked
from . import plan
from .errors import NotStagedError, ReleaseError, SupersededError, disk_error
from .found import Found, listed, oldest_proven_first, read, shown
from .layout import Layout
from .params import checked, checked_root
from .removal import remove_releases, tidy


def main(params: dict[str, Any]) -> dict[str, Any]:
    """Answers with what was done or found; with ``failed``, ``kind`` and ``msg`` where it couldn't be."""
    # What is made here is read by the service's own user, whatever the mask of the one who runs it.
    os.umask(0o022)
    try:
        layout = Layout(checked_root(params.get("root")))
        if params.get("operation") == "info":
            return _info(read(layout))
        return _change(layout, checked(params))
    except ReleaseError as error:
        return {"failed": True, "kind": error.kind, "msg": str(error)}
    except LockBusyError as error:
        return {"failed": True, "kind": "locked", "msg": str(error)}
    except NotJsonError as error:
        return {"failed": True, "kind": "disk", "msg": str(error)}
    except OSError as error:
        return {"failed": True, "kind": "disk", "msg": str(disk_error(params["root"], error))}


def _info(found: Found) -> dict[str, Any]:
    return {
        "changed": False,
        "active": found.active,
        "activation_done": found.activation_done,
        "number": found.number,
        "releases": listed(found),
    }


def _change(layout: Layout, params: dict[str, Any]) -> dict[str, Any]:
    if params["check_mode"]:
        found = read(layout)
        _refuse_superseded(found, params)
        return _result(found, _wanted(found, params), params, "would be changed")
    if params["state"] != "staged" and not os.path.isdir(layout.releases):
        raise _not_staged(params["version"], read(layout))
    layout.make()
    with locked(layout.lock, params["lock_wait_seconds"], f"{params['state']} {params['version']}"):
        found = read(layout)
        _refuse_superseded(found, params)
        tidy(layout)
        if params["number"] is not None and params["number"] > found.number:
            # Before the change itself: from here on, a lower number is refused even if we are cut off.
            atomic_write_json(layout.fence, {"number": params["number"]})
        done = _apply(layout, found, params)
        return _result(found, read(layout), params, done)


def _refuse_superseded(found: Found, params: dict[str, Any]) -> None:
    number = params["number"]
    if number is not None and number < found.number:
        raise SupersededError(
            f"superseded: this comes with number {number}, and one with number {found.number} has been here since; "
            "nothing was changed"
        )


def _wanted(found: Found, params: dict[str, Any]) -> Found:
    """What the change would leave behind; a release that isn't there yet counts as staged by an earlier task."""
    version, now = params["version"], plan.moment(found)
    if params["state"] == "staged":
        from .stage import check

        return plan.staged(found, version, params["sha256"].lower(), now) if check(found, params) else found
    if version not in found.releases:
        found = plan.staged(found, version, "", now)
    if params["state"] == "active":
        return plan.active(found, version, now)
    if params["state"] == "bad":
        return plan.bad(found, version, now, params["reason"])
    proven = plan.good(found, version, now)
    return plan.pruned(proven, params["keep_good"]) if params["keep_good"] else proven


def _apply(layout: Layout, found: Found, params: dict[str, Any]) -> str:
    """Makes the change where there is one to make; returns what was done, in words."""
    version, state = params["version"], params["state"]
    if state == "staged":
        from .stage import check, stage

        return stage(layout, found, params, plan.moment(found)) if check(found, params) else ""
    if version not in found.releases:
        raise _not_staged(version, found)
    if state == "active":
        if found.active == version and found.activation_done:
            return ""
        from .activate import activate

        return activate(layout, found, params, plan.moment(found))
    return _mark(layout, found, params)


def _mark(layout: Layout, found: Found, params: dict[str, Any]) -> str:
    """Writes what the release has proven to be, then removes those that nobody needs any more."""
    version, wanted = params["version"], _wanted(found, params)
    if wanted.releases[version] != found.releases[version]:
        atomic_write_json(layout.record(version), wanted.releases[version])
    gone = [name for name in found.releases if name not in wanted.releases]
    if gone:
        remove_releases(layout, gone)
    return f"marked {version} {params['state']}" + (f", removed {', '.join(sorted(gone))}" if gone else "")


def _not_staged(version: str, found: Found) -> NotStagedError:
    staged = ", ".join(record["version"] for record in oldest_proven_first(found.releases)) or "none"
    return NotStagedError(f"{version} isn't staged here; staged are: {staged}")


def _result(before: Found, after: Found, params: dict[str, Any], done: str) -> dict[str, Any]:
    sides = {"before": shown(before), "after": shown(after)}
    changed = sides["before"] != sides["after"]
    headers = {"before_header": params["root"], "after_header": params["root"]}
    return {
        "changed": changed,
        "version": params["version"],
        "active": after.active,
        "previous": plan.previous_of(after, after.active) if after.active else None,
        "releases": listed(after),
        "pruned": sorted(set(before.releases) - set(after.releases)),
        "diff": {**sides, **headers},
        "msg": done if changed else f"{params['version']} is {params['state']} already",
    }
