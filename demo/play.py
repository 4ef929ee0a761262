# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs of ansible-playbook: each with a log of its own, several at once, none left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from demo.lab import CHECKOUT, tool

_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?!.*Validating arguments)(?:[\w.]+ : )?(.*?)\] \**$", re.MULTILINE)


@dataclass(frozen=True)
class Play:
    """What a step of the demo runs: one playbook after the other, until one fails."""

    name: str
    label: str  # the name within a narrow picture
    log: Path
    commands: Sequence[Sequence[str]]  # playbook and its options
    fails: bool = False  # whether failing is what it shall do


def playbook(name: str, inventory: Path, **variables: str) -> list[str]:
    """A playbook of this checkout and its options."""
    options = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
    return [f"playbooks/{name}.yml", "-i", str(inventory), *options]


class Running:
    """A step under way; ended with its ``with`` block, whatever it had started."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.began = time.time()
        self.ended = 0.0
        self.status: int | None = None
        self._waiting = list(play.commands)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Running:
        self.play.log.parent.mkdir(parents=True, exist_ok=True)
        self.play.log.write_bytes(b"")
        self._next()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            # ansible-playbook's workers are in its group, and its ssh connections end with it.
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=10)
                    break

    @property
    def seconds(self) -> float:
        return (self.ended or time.time()) - self.began

    @property
    def ok(self) -> bool:
        """Whether it ended as it should."""
        return self.status is not None and (self.status != 0) == self.play.fails

    @property
    def ended_by_itself(self) -> bool:
        return self.status is not None

    def poll(self) -> bool:
        """Whether it is still under way; begins the next playbook where one has ended well."""
        if self.status is not None or self._process is None:
            return False
        status = self._process.poll()
        if status is None:
            return True
        if status == 0 and self._waiting:
            self._next()
            return True
        self.status, self.ended = status, time.time()
        return False

    def task(self) -> str:
        """The task that it is at."""
        with self.play.log.open("rb") as file:
            file.seek(max(0, self.play.log.stat().st_size - 20_000))
            found = _TASK.findall(file.read().decode(errors="replace"))
        return found[-1] if found else ""

    def tail(self, lines: int = 15) -> list[str]:
        """The last lines of its log that say something."""
        text = self.play.log.read_text(encoding="utf-8", errors="replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]

    def _next(self) -> None:
        command = [tool("ansible-playbook"), *self._waiting.pop(0)]
        env = {key: value for key, value in os.environ.items() if key != "ANSIBLE_FORCE_COLOR"}
        env |= {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        env["PYTHONUNBUFFERED"] = "1"
        with self.play.log.open("ab") as log:
            log.write(f"$ ansible-playbook {' '.join(command[1:])}\n".encode())
            log.flush()
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
