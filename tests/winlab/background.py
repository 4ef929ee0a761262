# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""winlab as a process of its own that outlives its caller, known by a file that it keeps locked while it lives.

The lock tells whether it lives: it goes with the process, whatever became of that, and a number alone might by then be
another's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

START_SECONDS = 60
STOP_SECONDS = 30


class BackgroundError(Exception):
    """It can't be started or ended; says why."""


@contextlib.contextmanager
def held(file: Path) -> Iterator[IO[str]]:
    """Keeps ``file`` locked; raises BackgroundError where another process does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackgroundError(f"another winlab keeps {file}") from None
        yield opened


def tell(opened: IO[str], known: dict[str, Any]) -> None:
    """Writes into the file that is held what others are to know: all listens now."""
    opened.seek(0)
    opened.truncate()
    json.dump({"pid": os.getpid(), **known}, opened)
    opened.flush()


def found(file: Path) -> dict[str, Any] | None:
    """What the process that keeps ``file`` told; without ``pid`` where it has yet to listen, None where none lives."""
    try:
        with file.open() as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except FileNotFoundError:
        pass
    return None


def ensure(file: Path, arguments: Sequence[str], *, dry: bool = False) -> str:
    """Has a process with these arguments run and listen; says ``kept``, ``started`` or ``restarted``."""
    there = found(file)
    if there is not None and there.get("arguments") == list(arguments):
        return "kept"
    if not dry:
        if there is not None:
            end(file)
        _end_leftovers(file)
        _start(file, arguments)
    return "started" if there is None else "restarted"


def end(file: Path, *, dry: bool = False) -> str:
    """Ends the process that keeps ``file``, and what a killed one left; says ``stopped`` or ``absent``."""
    there = found(file)
    if dry:
        return "absent" if there is None else "stopped"
    if there is not None:
        if "pid" not in there:
            raise BackgroundError(f"the winlab of {file} is just starting")
        with contextlib.suppress(ProcessLookupError):
            os.kill(there["pid"], signal.SIGTERM)
        _wait(lambda: found(file) is None, STOP_SECONDS, f"the winlab of {file} does not end")
    _end_leftovers(file)
    return "absent" if there is None else "stopped"


def _start(file: Path, arguments: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    said = file.with_suffix(".out")
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", __package__, *arguments, "--hold", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )

    def listens() -> bool:
        if process.poll() is not None:
            raise BackgroundError(f"winlab ended with status {process.returncode}: {said.read_text()[-1000:].strip()}")
        return (found(file) or {}).get("pid") == process.pid

    _wait(listens, START_SECONDS, f"winlab does not listen; {said} has what it said")


def _wait(reached: Any, seconds: float, otherwise: str) -> None:
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise BackgroundError(otherwise)
        time.sleep(0.05)


def _end_leftovers(file: Path) -> None:
    """Ends programs that a winlab that was killed has started: their ports are taken otherwise."""
    folder = str(_read(file).get("folder") or "")
    for place in Path("/proc").glob("[0-9]*") if folder else ():
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            environment = (place / "environ").read_bytes().decode(errors="replace").split("\0")
            named = [word for word in words if word.startswith(f"{folder}/")]
            ours = named and any(one.startswith("WINLAB_ADDRESS=") for one in environment)
            # What Wine runs has a command line of its own.
            if ours or any(one.startswith(f"WINEPREFIX={folder}/") for one in environment):
                os.kill(int(place.name), signal.SIGKILL)


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
