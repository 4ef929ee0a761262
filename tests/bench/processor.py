# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a command takes: seconds by the clock, and of the processors, by itself and by all that it starts.

OpenSSH's connections that stay open go on in processes that nobody waits for. Here they come to this process, which
ends them when the command has ended, so that what they took is counted with it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.bench.lab import run

_PR_SET_CHILD_SUBREAPER = 36


class Taken(NamedTuple):
    clock: float
    processor: float


def taken(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Taken:
    """Runs the command in the checkout, which has to succeed."""
    before = _of_children()
    with _orphans_come_here():
        clock = run(command, environment)
    return Taken(clock, _of_children() - before)


def _of_children() -> float:
    """What the children took that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _orphans_come_here() -> Iterator[None]:
    own = _children()
    _set_subreaper(True)
    try:
        yield
    finally:
        for orphan in _children() - own:
            _end(orphan)
        _set_subreaper(False)


def _set_subreaper(on: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(process) for file in lists for process in file.read_text(encoding="ascii").split()}


def _end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    os.waitpid(process, 0)
