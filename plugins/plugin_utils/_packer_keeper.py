# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process above Packer, a program of its own: _packer.py runs it, and may be killed while Packer goes on.

It holds the lock for as long as Packer runs, and ends Packer and all that it started at the time limit. An interrupt
of the controller reaches it, and it hands that on: interrupted, Packer removes what it works in. Nothing below it has
the lock: a container that a killed Packer left behind would hold it for ever.

What to do comes by standard input, as JSON. Packer's variables are in this process's memory alone, where Packer reads
them by a path below /proc. Playbooks can't, as Ansible looks for the file behind each path: what they are given is in
a file that goes with this process. If that is killed, it goes when the next bake takes the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

# Where a variable says this, it gets the path of what playbooks are given.
GIVEN = "{given}"
# How it ends where Packer has no status of its own to pass on; timeout(1) has the same one.
BUSY, LATE = 123, 124
_GRACE_SECONDS = 30.0
# Whoever looks whether the lock is free has it for a moment.
_LOOK_SECONDS = 5.0


def main() -> int:
    """Packer's status, or BUSY, or LATE."""
    told = json.load(sys.stdin)
    with open(told["lock"], "a") as lock:
        if not _taken(lock):
            return BUSY
        clear(told["lock"])
        try:
            file = _write_down(told["lock"], told["variables"], told["given"])
            return _run([*told["command"], f"-var-file={file}", told["template"]], told["seconds"])
        finally:
            clear(told["lock"])


def clear(lock: str) -> None:
    """Removes what Packer and its playbooks were given. For whoever holds the lock."""
    for path in _places(lock):
        with suppress(FileNotFoundError):
            os.unlink(path)


def _places(lock: str) -> tuple[str, str]:
    return f"{lock}.pkrvars.json", f"{lock}.given.json"


def _write_down(lock: str, variables: Any, given: Any) -> str:
    """Where Packer finds its variables: a name that tells it what is in it, and that leads into this process."""
    link, place = _places(lock)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(given, file)
    os.symlink(_in_memory(json.dumps(variables).replace(GIVEN, os.path.abspath(place))), link)
    return link


def _run(command: list[str], seconds: float) -> int:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as packer:  # noqa: S603
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: _interrupt(packer))
        try:
            status = packer.wait(seconds)
        except subprocess.TimeoutExpired:
            _interrupt(packer)
            with suppress(subprocess.TimeoutExpired):
                packer.wait(_GRACE_SECONDS)
            status = LATE
        _end(packer)
        return status if status >= 0 else 128 - status


def _in_memory(content: str) -> str:
    """A path by which this user's processes can read the content, for as long as this one lives."""
    descriptor = os.memfd_create("golden-fleet")
    with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
        file.write(content)
    return f"/proc/{os.getpid()}/fd/{descriptor}"


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
