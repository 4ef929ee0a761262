# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A test command: run in a process group of its own, with a time limit and little environment."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

_TAIL_BYTES = 16384
_TAIL_LINES = 15
_LOOK_SECONDS = 0.02
_GRACE_SECONDS = 2.0
# What a command may need of the environment around it. Proxies aren't among it, as the member is near, and
# neither is anything that may be a secret.
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ")
_PR_SET_PDEATHSIG = 1


class CommandError(Exception):
    """The command can't be started. Says why."""


class Ran(NamedTuple):
    """``status`` is negative for a signal, as in subprocess, and None where the time limit ended the command."""

    status: int | None
    tail: str


def filled_in(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """``command`` with each ``{name}`` of ``values`` replaced; other braces stay as they are."""
    names = re.compile("|".join(re.escape(f"{{{name}}}") for name in values))
    return [names.sub(lambda found: values[found[0][1:-1]], word) for word in command]


def environment(given: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The command's environment: what it needs of ``given``, and each of ``values`` as FLEET_<NAME>."""
    kept = {name: given[name] for name in _KEPT if name in given}
    return {"PATH": os.defpath, **kept, "LANG": "C.UTF-8", **{f"FLEET_{name.upper()}": values[name] for name in values}}


def run(command: Sequence[str], folder: pathlib.Path, env: Mapping[str, str], timeout_seconds: float) -> Ran:
    """Runs ``command`` in ``folder`` to its end or its time limit; then nothing that it started is left."""
    if not folder.is_dir():
        raise CommandError(f"the folder {folder} isn't there")
    try:
        process = subprocess.Popen(  # noqa: S603  # the contract's own command, as a list, without a shell
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    except (OSError, ValueError) as error:
        why = "isn't there" if isinstance(error, FileNotFoundError) else f"can't be started: {error}"
        raise CommandError(f"the command {command[0]} {why}") from error
    tail = bytearray()
    reader = threading.Thread(target=_keep_tail, args=(process.stdout, tail), daemon=True)
    reader.start()
    try:
        in_time = _ends_before(process, time.monotonic() + timeout_seconds)
    finally:
        _end_group(process)
    # Whatever left the group may hold the output open: it isn't waited for.
    reader.join(_GRACE_SECONDS)
    return Ran(process.wait() if in_time else None, last_lines(tail.decode(errors="replace")))


def _keep_tail(output: IO[bytes], tail: bytearray) -> None:
    with output:
        while data := os.read(output.fileno(), 65536):
            tail += data
            del tail[:-_TAIL_BYTES]


def _ends_before(process: subprocess.Popen[bytes], deadline: float) -> bool:
    while not _has_ended(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended. It isn't collected yet, so that its group's number can't become another's."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process, when it still runs with a moment to clean up, and all that it left behind."""
    if not _has_ended(process):
        _signal_group(process, signal.SIGTERM)
        _ends_before(process, time.monotonic() + _GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def last_lines(said: str) -> str:
    """The end of what a command said."""
    return "\n".join(said[-_TAIL_BYTES:].strip().splitlines()[-_TAIL_LINES:])


_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)


def _die_with_parent() -> None:
    """Lets a command end with whoever runs it and is killed; its own session would let it outlive it. Linux only."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
