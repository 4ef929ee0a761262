# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs Packer under a lock and a time limit, its output in a log and told as it comes."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _packer_keeper

_TAIL_LINES = 30
_VALIDATE_SECONDS = 60.0
_PROGRESS = re.compile(r"(?:==> )?[\w.-]+: (TASK \[.*\]|.*ERROR.*|fatal: .*)")


class PackerError(Exception):
    """Packer isn't there, is busy, failed or took too long; with the end of what it said."""


def version(executable: str) -> str:
    """The version of Packer. Raises PackerError where it can't be run."""
    if shutil.which(executable) is None:
        raise PackerError(f"{executable} is not installed on this machine: apt-get install packer, or packer.io")
    status, out, _ = _packer(executable, None).version()
    if status != 0:
        raise PackerError(f"{executable} version ended with status {status}")
    return out.decode().strip().splitlines()[0]


def validate(executable: str, template: pathlib.Path, variables: Mapping[str, Any], *, lock: pathlib.Path) -> None:
    """Has Packer check the template with these variables. Raises PackerError with what is wrong."""
    with tempfile.TemporaryFile() as out, _surroundings({}):
        told = _told([_path(executable), "validate"], template, variables, {}, lock, _VALIDATE_SECONDS)
        status = _keep(told, out)
        out.seek(0)
        if status != 0:
            raise PackerError(f"packer validate {template}: {_tail(out.read().decode(errors='replace'))}")


def build(
    executable: str,
    template: pathlib.Path,
    variables: Mapping[str, Any],
    environment: Mapping[str, str],
    log: pathlib.Path,
    say: Callable[[str], None],
    *,
    lock: pathlib.Path,
    timeout_seconds: float,
    given: Mapping[str, Any] | None = None,
) -> float:
    """Builds an image; returns the seconds that it took. Raises PackerError.

    Variables are in the memory of the process above Packer, never in a file or on a command line. What playbooks are
    ``given`` is in a file beside the lock meanwhile, whose path takes the place of ``{given}`` in variables. The
    ``lock`` is held for as long as Packer runs, which may be longer than this process does.
    """
    began = time.monotonic()
    told = _told([_path(executable), "build", "-color=false"], template, variables, given or {}, lock, timeout_seconds)
    with log.open("wb") as out, _telling(log, say):
        log.chmod(0o600)
        with _surroundings(environment):
            status = _keep(told, out)
    if status:
        raise PackerError(_why(status, template, lock, timeout_seconds, log))
    return round(time.monotonic() - began, 1)


def _why(status: int, template: pathlib.Path, lock: pathlib.Path, timeout_seconds: float, log: pathlib.Path) -> str:
    if status == _packer_keeper.BUSY:
        return f"another Packer is under way, which holds {lock}"
    said = f"all of it is in {log}:\n{_tail(log.read_text(encoding='utf-8', errors='replace'))}"
    if status == _packer_keeper.LATE:
        return f"packer build {template} was stopped at its time limit of {timeout_seconds:g} s; {said}"
    return f"packer build {template} ended with status {status}; {said}"


def _packer(executable: str, out: Any) -> Any:
    from packerpy import PackerExecutable

    config = {"stdout": out, "stderr": subprocess.STDOUT} if out is not None else {}
    return PackerExecutable(_path(executable), machine_readable=False, config=config)


def _path(executable: str) -> str:
    return str(shutil.which(executable))


def _told(
    command: list[str],
    template: pathlib.Path,
    variables: Mapping[str, Any],
    given: Mapping[str, Any],
    lock: pathlib.Path,
    seconds: float,
) -> str:
    """What the process above Packer is told. An object: packer.py hands such a text on by standard input."""
    told = {"command": command, "template": str(template), "lock": str(lock), "seconds": seconds}
    return json.dumps({**told, "variables": dict(variables), "given": dict(given)})


def _keep(told: str, out: Any) -> int:
    status, _, _ = _packer(sys.executable, out).execute_cmd(_packer_keeper.__file__, told)
    return status


@contextlib.contextmanager
def _surroundings(environment: Mapping[str, str]) -> Iterator[None]:
    """Packer gets the environment of this process, which is one task's own."""
    before = dict(os.environ)
    os.environ.update({"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", **environment})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _telling(log: pathlib.Path, say: Callable[[str], None]) -> Iterator[None]:
    """Tells the steps that come up in the log while the block runs."""
    ended = threading.Event()

    def follow() -> None:
        with log.open(encoding="utf-8", errors="replace") as file:
            while not ended.wait(0.5):
                for line in file.readlines():
                    if match := _PROGRESS.search(line):
                        say(match[1])

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


def _tail(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-_TAIL_LINES:])
