# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A .NET Core program on the .NET Core of Windows, started and stopped by Wine's service manager, one for each host."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from ...errors import WindowsError
from .. import Completed, Process, Program
from .prefix import Prefix, on_z
from .service_manager import RUNNING, STOPPED, ServiceManager

DOTNET = Path(sys.prefix, "windows", "dotnetcore2", "bin", "dotnet.exe")
START_SECONDS = 30  # as long as Windows waits
STOP_SECONDS = 20
_MOMENT = 0.2
_SILENT = "The service did not respond to the start or control request in a timely fashion. (1053)"


class Wine:
    """``folder`` becomes Wine's when the first program starts, before which nothing of it is there."""

    def __init__(self, folder: Path, drive: Path) -> None:
        self._prefix = Prefix(folder, drive)
        self._manager: ServiceManager | None = None
        self._lock = threading.Lock()

    @staticmethod
    def missing() -> str | None:
        """Why it can't be used here, None where it can."""
        wanted = [name for name in ("wine", "mcs") if shutil.which(name) is None]
        if wanted:
            return f"{', '.join(wanted)} not installed (Debian: wine wine64 mono-mcs)"
        return None if DOTNET.is_file() else f"no .NET Core for Windows at {DOTNET}: the README of winlab says how"

    def takes(self, file: Path) -> bool:
        """A .NET Core program has its runtime named beside it."""
        return file.with_suffix(".runtimeconfig.json").is_file()

    def start(self, program: Program) -> Process:
        manager = self._ready()
        command = f'"{on_z(DOTNET)}" "{program.name}" {program.arguments}'
        script = self._prefix.script(program.service, command, _environment(program))
        manager.ask("set", program.service, f'cmd.exe /c "{script}"')
        manager.start(program.service)
        return _Running(manager, program.service)

    def run(self, program: Program, stdin: str, timeout: float) -> Completed:
        self._ready()
        done = subprocess.run(
            ["wine", str(DOTNET), program.name, *program.words()],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=program.folder,
            env=self._prefix.environment(_environment(program)),
            timeout=timeout,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        if self._manager:
            self._manager.close()
            self._prefix.remove()
            self._manager = None

    def _ready(self) -> ServiceManager:
        with self._lock:
            if self._manager is None:
                self._prefix.make()
                self._manager = ServiceManager(self._prefix, DOTNET)
            self._prefix.follow()
            return self._manager


def _environment(program: Program) -> dict[str, str]:
    return {**program.environment, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "WINLAB_ADDRESS": program.address}


class _Running:
    """A service that runs, or is said to have failed."""

    def __init__(self, manager: ServiceManager, name: str) -> None:
        self._manager, self._name = manager, name
        self._seen_alive = 0.0
        if not self._comes_to(RUNNING, START_SECONDS, never=STOPPED):
            if self.alive:
                with contextlib.suppress(WindowsError):
                    self.stop()
                raise WindowsError(_SILENT)
            raise WindowsError("The process terminated unexpectedly. (1067)")
        self.pid = manager.process(name)

    @property
    def alive(self) -> bool:
        """As of a moment ago: each file that is written asks whether a program runs from it."""
        if time.monotonic() - self._seen_alive < _MOMENT:
            return True
        alive = self._manager.state(self._name) != STOPPED
        self._seen_alive = time.monotonic() if alive else 0.0
        return alive

    def stop(self) -> None:
        self._seen_alive = 0.0
        self._manager.ask("stop", self._name)
        if not self._comes_to(STOPPED, STOP_SECONDS):
            raise WindowsError(_SILENT)

    def _comes_to(self, state: int, seconds: float, never: int | None = None) -> bool:
        until = time.monotonic() + seconds
        while (now := self._manager.state(self._name)) != state:
            if now == never or time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True
