# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What really runs when the host starts a program: a stand-in written in text, Mono or Wine for a .NET one."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..errors import NotFoundError, WindowsError


class Process(Protocol):
    """A program that runs on."""

    pid: int

    @property
    def alive(self) -> bool: ...

    def stop(self) -> None: ...


@dataclass(frozen=True)
class Completed:
    """A program that ran to its end."""

    rc: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Program:
    """What an engine is to run. ``file`` is where the executable really lies, ``name`` what the host calls it."""

    file: Path
    name: str
    root: Path  # of the virtual C:
    arguments: str
    environment: dict[str, str]
    address: str  # where it is to listen: the host's own, as hosts share a machine
    folder: Path | None = None
    service: str = ""  # whose program it is, where it is one's

    def words(self) -> list[str]:
        """The arguments one by one, as Windows programs tell them apart in all but odd cases."""
        return [word.replace("\\\\", "\\").strip('"') for word in shlex.split(self.arguments, posix=False)]

    def translated(self, text: str) -> str:
        """Paths on C: as the real program must be told them."""
        for prefix in ("C:\\", "c:\\"):
            if text.startswith(prefix):
                return str(self.root / text[3:].replace("\\", "/"))
        return text


class Engine(Protocol):
    def takes(self, file: Path) -> bool: ...

    def start(self, program: Program) -> Process: ...

    def run(self, program: Program, stdin: str, timeout: float) -> Completed: ...

    def close(self) -> None:
        """The host is off for good."""


class Engines:
    """Those of one host, in the order in which they are asked."""

    def __init__(self, real: Callable[[str], Path], root: Path, address: str, engines: list[Engine]) -> None:
        self._real = real
        self._root = root
        self._address = address
        self.all = engines

    def _engine(self, file: Path) -> Engine:
        if not file.is_file():
            raise NotFoundError("The system cannot find the file specified")
        for engine in self.all:
            if engine.takes(file):
                return engine
        raise WindowsError("%1 is not a valid Win32 application. (193)")

    def _program(self, executable: str, arguments: str, environment: dict[str, str], folder: str = "") -> Program:
        file = self._real(executable)
        place = self._real(folder) if folder else file.parent
        return Program(file, executable, self._root, arguments, environment, self._address, place)

    def start(self, service: str, executable: str, arguments: str, environment: dict[str, str]) -> Process:
        program = replace(self._program(executable, arguments, environment), service=service)
        return self._engine(program.file).start(program)

    def run(
        self, executable: str, arguments: str, environment: dict[str, str], folder: str, stdin: str, timeout: float
    ) -> Completed:
        program = self._program(executable, arguments, environment, folder)
        return self._engine(program.file).run(program, stdin, timeout)

    def close(self) -> None:
        for engine in self.all:
            engine.close()
