# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A .NET Framework program, run by Mono as a process of its own. It is not that framework, but the code runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from ..errors import WindowsError
from . import Completed, Process, Program

STOP_SECONDS = 10


class Mono:
    """Takes every executable that begins as a Windows one; ``start`` gives it a moment to die of its own."""

    @staticmethod
    def missing() -> str | None:
        """Why it can't be used here, None where it can."""
        wanted = [name for name in ("mono", "mcs") if shutil.which(name) is None]
        return f"{', '.join(wanted)} not installed (Debian: mono-runtime mono-mcs)" if wanted else None

    def takes(self, file: Path) -> bool:
        with file.open("rb") as opened:
            return opened.read(2) == b"MZ"

    def start(self, program: Program) -> Process:
        with (program.file.parent / "winlab.out").open("ab") as out:
            process = subprocess.Popen(
                _command(program),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=program.folder,
                env=_environment(program),
                start_new_session=True,
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.3)
            raise WindowsError(f"The service process ended at once with exit code {process.returncode}. (1067)")
        return _Running(process)

    def run(self, program: Program, stdin: str, timeout: float) -> Completed:
        done = subprocess.run(
            _command(program),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=program.folder,
            env=_environment(program),
            timeout=timeout,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        pass


def _command(program: Program) -> list[str]:
    return ["mono", str(program.file), *map(program.translated, program.words())]


def _environment(program: Program) -> dict[str, str]:
    given = {name: program.translated(value) for name, value in program.environment.items() if name.upper() != "PATH"}
    # MONO_IOMAP lets a program find its files by names with backslashes and in any case.
    return {**os.environ, **given, "MONO_IOMAP": "all", "WINLAB_ADDRESS": program.address}


class _Running:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Asked first; ended where it does not listen, as the service manager would."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
                return
