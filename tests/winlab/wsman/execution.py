# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A command that a client has sent, run beside the connection so that a Receive may time out while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Command:
    """What a client wants to run: a command line over WinRS, a script over PSRP, each with lines of input."""

    text: str
    stdin: list[str]
    by: str  # winrs or psrp
    arguments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """Lines for standard output, which PSRP sends as objects; text for standard error; the exit code."""

    output: list[str]
    error: str = ""
    rc: int = 0


class Machine(Protocol):
    """What the protocol needs of the host behind it."""

    name: str

    def execute(self, command: Command) -> Answer: ...

    def users(self) -> list[str]:
        """Who may sign in."""

    def password(self, user: str) -> str | None:
        """The user's password, None where there is no such user."""


class Execution:
    """One command on its own thread; ``wait`` gives its answer, None while there is none."""

    def __init__(self, work: Callable[[], Answer]) -> None:
        self._work = work
        self._answer: Answer | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except Exception as error:  # carried to the thread that answers the client
            self._error = error

    def wait(self, seconds: float) -> Answer | None:
        self._thread.join(seconds)
        if self._error is not None:
            raise self._error
        return self._answer
