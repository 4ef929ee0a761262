# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A switch at a moment that is said beforehand: hosts that were told one after the other switch at the same time.

The host waits by itself, in a process that outlives the connection and holds the lock of the releases. What it waits
for is in ``<root>/awaited.json``. Who takes that file away decides: the waiter, when the moment has come, or a change
with another wish, and then nothing is switched. Why: docs/decisions/atomic_rollout.md.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import Any

from .._files import atomic_write_json, read_json
from .layout import Layout

# A host hears what it is told within this, a second try to connect included; then its clock and the controller's agree.
_CLOCKS_AGREE_SECONDS = 15.0
_LOOK_SECONDS = 0.5
_READY = b"ready"


def by_own_clock(at: float, told_at: float | None) -> float:
    """The moment ``at`` by this host's clock; ``told_at`` is when the controller said it, both by its own clock.

    Where the clocks visibly differ, the host is off by the time that this took to get here, not by what they differ.
    """
    now = time.time()
    if told_at is None or told_at <= now <= told_at + _CLOCKS_AGREE_SECONDS:
        return at
    return at + now - told_at


def leave_waiter(layout: Layout, params: dict[str, Any], marker: dict[str, Any], before: dict[str, Any]) -> bool:
    """Forks; False in the process that answers, and True in the one that waited, once the moment ``at`` has come.

    Both go on from here: the waiter switches, and has the lock that its parent took. ``marker`` is the record of the
    activation that has begun; ``before`` the one as it was, which is there again where the switch is called off.
    """
    there, here = os.pipe()
    if os.fork() == 0:
        os.close(there)
        end = time.monotonic() + params["at"] - time.time()
        wish = {"version": params["version"], "number": params["number"], "at": params["at"], "before": before}
        _leave_connection(layout, wish, marker, here)
        _wait(layout, end)
        return True
    os.close(here)
    with open(there, "rb") as said:
        answer = said.read()
    if answer != _READY:
        number = int(answer or errno.ECHILD)
        raise OSError(number, os.strerror(number), layout.awaited)
    return False


def call_off(layout: Layout, params: dict[str, Any]) -> None:
    """Ends a wait that this change takes the place of: it is a later rollout's, or switches to another version."""
    awaited = read_json(layout.awaited)
    if not awaited:
        return
    mine, its = params["number"] or 0, awaited["number"] or 0
    other = params["state"] == "active" and params["version"] != awaited["version"]
    if mine > its or (other and (mine == its or params["number"] is None)):
        with suppress(FileNotFoundError):  # it has just switched
            os.rename(layout.awaited, layout.called_off)


def forget(layout: Layout) -> str:
    """For who has the lock, so that nobody waits: a switch that was called off, or whose waiter died, never began.

    Returns what was done, in words.
    """
    done = ""
    for path in (layout.called_off, layout.awaited):
        wish = read_json(path)
        if wish:
            atomic_write_json(layout.activation, wish["before"])
            os.unlink(path)
            done = f"called off the switch to {wish['version']}"
    return done


def _leave_connection(layout: Layout, wish: dict[str, Any], marker: dict[str, Any], here: int) -> None:
    """The connection is about to end, and its processes with it; says that it may once the wait can be called off."""
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    try:
        # In this order: a marker without a wish would be a switch that was begun.
        atomic_write_json(layout.awaited, wish)
        atomic_write_json(layout.activation, marker)
    except OSError as error:
        os.write(here, str(error.errno).encode())
        os._exit(1)
    os.write(here, _READY)
    os.close(here)


def _wait(layout: Layout, end: float) -> None:
    """Returns at the end, by the clock that nobody sets; ends the process where the switch was called off."""
    while (left := end - time.monotonic()) > 0 and os.path.lexists(layout.awaited):
        time.sleep(min(left, _LOOK_SECONDS))
    try:
        os.unlink(layout.awaited)
    except FileNotFoundError:
        os._exit(0)
