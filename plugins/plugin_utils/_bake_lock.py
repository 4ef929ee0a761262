# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One bake of a service at a time on this controller, from its plan to its end, which is many tasks.

A playbook's tasks run in processes of their own, so none of them can hold a file's lock for all: a file names the
playbook's process instead, and is nobody's once that has ended. The file's lock beside it is held by Packer, which
may go on for longer than its playbook does.
"""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._files import (
    LockBusyError,
    atomic_write_json,
    locked,
    read_json,
)
from ansible_collections.golden.fleet.plugins.plugin_utils import _packer_keeper
from ansible_collections.golden.fleet.plugins.plugin_utils._rollout_lock import is_dead

_POLL_SECONDS = 0.3


class BakeBusyError(Exception):
    """Another bake is under way, for as long as we were ready to wait. Says whose."""


def hold(lock: pathlib.Path, owner: Mapping[str, Any], seconds: float, say: Callable[[str], None]) -> bool:
    """Takes the lock for the process ``owner``, as this_process describes it; False where it has it already.

    Waits for as many ``seconds``, and says once for whom. Raises BakeBusyError.
    """
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    said = False
    while True:
        was, busy = _try(lock, owner)
        if busy is None:
            return was != owner
        if time.monotonic() >= deadline:
            raise BakeBusyError(f"{busy}; waited {seconds:g} s for it")
        if is_dead(owner, owner):
            raise BakeBusyError(f"{busy}; the playbook that waited for it has ended")
        if not said:
            say(f"waiting: {busy}")
            said = True
        time.sleep(_POLL_SECONDS)


def release(lock: pathlib.Path, owner: Mapping[str, Any]) -> bool:
    """Gives the lock back; False where another process has it, or none."""
    if read_json(_named(lock)) != owner:
        return False
    os.unlink(_named(lock))
    return True


def _try(lock: pathlib.Path, owner: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Who had it, and why it can't be had now; None where it could, and ``owner`` has it."""
    try:
        with locked(str(lock), 0, "a bake that looks whether it may begin"):
            was = read_json(_named(lock))
            if was and was != owner and not is_dead(was, owner):
                return was, f"{was['name']}'s process {was['pid']} is baking; {_named(lock)} says so"
            # In which there may be secrets.
            _packer_keeper.clear(str(lock))
            atomic_write_json(_named(lock), dict(owner), mode=0o600)
            return was, None
    except LockBusyError:
        return None, f"the Packer of an earlier bake is still under way, which holds {lock}"


def _named(lock: pathlib.Path) -> str:
    return f"{lock}.owner"
