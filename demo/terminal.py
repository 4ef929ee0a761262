# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees: a line for each step, and below them, on a terminal, one that moves."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO

_COLOURS = {"good": "32", "bad": "31;1", "quiet": "2", "strong": "1"}
_HEARTBEAT_SECONDS = 20.0
NAME_WIDTH = 60


class Terminal:
    """Colours and a moving line on a terminal; plain lines, now and then a sign of life, into a file or a pipe."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._live and "NO_COLOR" not in os.environ
        self._moving = False
        self._beat = time.monotonic()

    def paint(self, text: str, kind: str) -> str:
        return f"\033[{_COLOURS[kind]}m{text}\033[0m" if self._colours else text

    def line(self, text: str = "") -> None:
        """A line that stays."""
        self._clear()
        self._out.write(text + "\n")
        self._out.flush()
        self._beat = time.monotonic()

    def move(self, text: str) -> None:
        """What is going on: replaces itself on a terminal; elsewhere said once in a while."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._clear()
            self._out.write(self.paint(text[:width], "quiet"))
            self._out.flush()
            self._moving = True
        elif time.monotonic() - self._beat > _HEARTBEAT_SECONDS:
            self.line(text)

    def step(self, name: str, seconds: float, ok: bool, note: str = "") -> None:
        mark = self.paint("ok    ", "good") if ok else self.paint("FAILED", "bad")
        self.line(f"  {mark}  {name:<{NAME_WIDTH}} {seconds:6.1f} s{'   ' + note if note else ''}".rstrip())

    def _clear(self) -> None:
        if self._moving:
            self._out.write("\r\033[K")
            self._moving = False
