# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the contract's commands for a release: a small known environment, a time limit, the last lines on failure."""

from __future__ import annotations

import os
import time
from typing import Any

from .errors import CommandError

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAIL_BYTES = 16384
_TAIL_LINES = 15
_LOOK_SECONDS = 0.05


def run_all(
    commands: list[list[str]], *, stage: str, root: str, path: str, version: str, timeout_seconds: float
) -> None:
    """Runs ``commands`` one after another inside ``path``; the limit is for all of them together."""
    environment = {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HOME": _home(),
        "RELEASE_ROOT": root,
        "RELEASE_PATH": path,
        "RELEASE_VERSION": version,
    }
    deadline = time.monotonic() + timeout_seconds
    for command in commands:
        failure, tail = _run(command, path, environment, deadline)
        if failure:
            what = failure.format(limit=timeout_seconds)
            raise CommandError(f"{stage} {version}: `{_line(command)}` {what}{_quoted(tail)}")


def _run(command: list[str], path: str, environment: dict[str, str], deadline: float) -> tuple[str, bytes]:
    """What became of the command, empty when it succeeded, and the end of what it said."""
    import subprocess

    try:
        process = subprocess.Popen(  # noqa: S603  # the contract's own command, as a list, no shell
            command,
            cwd=path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return f"can't be started: {error.strerror}", b""
    tail, in_time = _follow(process, deadline)
    if not in_time:
        _kill_group(process)
        return "was stopped, with all that it had started: the time limit of {limit:g} s is over", tail
    if process.returncode < 0:
        return f"was killed by signal {-process.returncode}", tail
    return (f"ended with status {process.returncode}" if process.returncode else ""), tail


def _follow(process: Any, deadline: float) -> tuple[bytes, bool]:
    """The end of the output, and whether the process ended in time.

    It counts as ended when the process did: a daemon that it left behind may hold the output open for ever.
    """
    import select

    output = process.stdout.fileno()
    tail = b""
    open_ = True
    with process.stdout:
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            ready = select.select([output] if open_ else [], [], [], 0 if ended else _LOOK_SECONDS)[0]
            if ready:
                chunk = os.read(output, 65536)
                open_ = bool(chunk)
                tail = (tail + chunk)[-_TAIL_BYTES:]
            elif ended:
                return tail, True
    return tail, False


def _kill_group(process: Any) -> None:
    import signal

    # Its own session is its own group: what it started goes with it.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _quoted(tail: bytes) -> str:
    lines = tail.decode(errors="replace").rstrip().splitlines()[-_TAIL_LINES:]
    return "; the end of its output:\n" + "\n".join(lines) if lines else "; it said nothing"


def _line(command: list[str]) -> str:
    import shlex

    return " ".join(shlex.quote(word) for word in command)


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
