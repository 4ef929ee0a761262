# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wine's own folder for one host: its registry, its C:\\Windows, and all else of C: as the host has it."""

from __future__ import annotations

import glob
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

from ...errors import WindowsError

_BOOT_SECONDS = 300
_COMMAND_SECONDS = 60


class Prefix:
    """``folder`` is Wine's, about 700 MB once it is made; ``drive`` is the host's own C:."""

    def __init__(self, folder: Path, drive: Path) -> None:
        self.folder, self._drive = folder.absolute(), drive.absolute()
        self._c = self.folder / "drive_c"
        self._numbers = itertools.count(1)

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._wine("wineboot", "--init", seconds=_BOOT_SECONDS)
        self._wine("regedit", "/S", str(Path(__file__).with_name("settings.reg")))
        self._end()  # and with it the services that would start by themselves no more
        for own in self._c.iterdir():
            if own.name.lower() not in ("windows", "users"):
                shutil.rmtree(own)
        (self._c / "winlab").mkdir()

    def follow(self) -> None:
        """Folders that the host's C: has by now are seen by what Wine runs."""
        have = {own.name.lower() for own in self._c.iterdir()}
        for name in os.listdir(self._drive):
            if name.lower() not in have:
                (self._c / name).symlink_to(self._drive / name)

    def script(self, name: str, command: str, environment: dict[str, str]) -> str:
        """Where on C: the file lies that runs the command with the environment, which the service manager can't.

        A new one each time, with a file for what the command says: a service that has stopped may take a moment to end,
        and what it still has open nobody else can open.
        """
        stem = re.sub(r"[^\w.-]", "_", name)
        for before in (self._c / "winlab").glob(f"{glob.escape(stem)}.[0-9]*"):
            before.unlink()
        name = f"{stem}.{next(self._numbers)}"
        lines = [f'set "{key}={_in_script(value)}"' for key, value in environment.items()]
        lines.append(f"{_in_script(command)} >>C:\\winlab\\{name}.out 2>&1")
        (self._c / "winlab" / f"{name}.cmd").write_text("".join(f"@{line}\r\n" for line in lines), newline="")
        return f"C:\\winlab\\{name}.cmd"

    def environment(self, given: dict[str, str] | None = None) -> dict[str, str]:
        """For Wine's own programs. It must neither look for a screen nor ask to install what it has not."""
        return {
            **(given or {}),
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "WINEPREFIX": str(self.folder),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",
        }

    def remove(self) -> None:
        """Ends whatever Wine still runs for this host."""
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        for how in ("--kill", "--wait"):
            subprocess.run(["wineserver", how], env=self.environment(), timeout=_COMMAND_SECONDS, check=False)

    def _wine(self, *command: str, seconds: float = _COMMAND_SECONDS) -> None:
        # Not captured: what Wine leaves running in the background would hold a pipe open.
        nothing = subprocess.DEVNULL
        done = subprocess.run(
            ["wine", *command],
            env=self.environment(),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise WindowsError(f"Wine could not be made ready: {' '.join(command)} ended with {done.returncode}")


def on_z(path: Path) -> str:
    """A path of this machine as Wine's programs know it."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


def _in_script(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise WindowsError("The parameter is incorrect. (87)")
    return text.replace("%", "%%")
