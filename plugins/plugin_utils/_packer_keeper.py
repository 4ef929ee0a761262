# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process above Packer, a program of its own: _packer.py runs it, and may be killed while Packer goes on.

It holds the lock for as long as Packer runs, and ends Packer and all that it started at the time limit. An interrupt
of the controller reaches it, and it hands that on: interrupted, Packer removes what it works in. Nothing below it has
the lock: a container that a killed Packer left behind would hold it for ever.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

# What it is told by: the path of Packer, the file of the lock, and seconds.
PACKER, LOCK, LIMIT = "GOLDEN_FLEET_PACKER", "GOLDEN_FLEET_PACKER_LOCK", "GOLDEN_FLEET_PACKER_SECONDS"
# How it ends where Packer has no status of its own to pass on; timeout(1) has the same one.
BUSY, LATE = 123, 124
_GRACE_SECONDS = 30.0
# Whoever looks whether the lock is free has it for a moment.
_LOOK_SECONDS = 5.0


def main() -> int:
    """Packer's status, or BUSY, or LATE."""
    with open(os.environ[LOCK], "a") as lock:
        if not _taken(lock):
            return BUSY
        command = [os.environ[PACKER], "build", *sys.argv[1:]]
        packer = subprocess.Popen(command, start_new_session=True)  # noqa: S603  # an argument list, no shell
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: _interrupt(packer))
        try:
            status = packer.wait(float(os.environ[LIMIT]))
        except subprocess.TimeoutExpired:
            _interrupt(packer)
            with suppress(subprocess.TimeoutExpired):
                packer.wait(_GRACE_SECONDS)
            status = LATE
        _end(packer)
        return status if status >= 0 else 128 - status


def _taken(lock: Any) -> bool:
    deadline = time.monotonic() + _LOOK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def _interrupt(packer: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(packer.pid, signal.SIGINT)


def _end(packer: subprocess.Popen[bytes]) -> None:
    """Ends whatever is left of Packer's process group."""
    with suppress(ProcessLookupError):
        os.killpg(packer.pid, signal.SIGKILL)
    packer.wait()


if __name__ == "__main__":
    sys.exit(main())
