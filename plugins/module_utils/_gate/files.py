# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files with results that a test command left: found by a pattern, and brought away within limits.

Whatever the tests ran may have written them: no link is followed, and neither their number nor their size is trusted.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

FILES_LIMIT = 1000
BYTES_LIMIT = 32 << 20
_SHOWN = 5


class LimitError(Exception):
    """There are more or larger files than anybody reads. Says which."""


class Collected(NamedTuple):
    """The files that match, each with its name below the folder; and the names of a few others, where none does."""

    files: list[tuple[str, bytes]]
    beside: list[str]


def collect(folder: str, pattern: str) -> Collected:
    """What ``folder`` holds for ``pattern``, sorted by name."""
    names = sorted(_names(folder))
    wanted = [name for name in names if matches(name, pattern)]
    check_number(len(wanted))
    files = []
    left = BYTES_LIMIT
    for name in wanted:
        data = _read(os.path.join(folder, name), left + 1)
        left -= len(data)
        check_size(shown(name), left)
        files.append((shown(name), data))
    return Collected(files, [] if files else [shown(name) for name in names[:_SHOWN]])


def shown(name: str) -> str:
    """``name`` as it may be shown, whatever bytes are in it."""
    return name if name.isprintable() else ascii(name)


def check_number(files: int) -> None:
    if files > FILES_LIMIT:
        raise LimitError(f"{files} files of results are more than the limit of {FILES_LIMIT}")


def check_size(name: str, left: int) -> None:
    """``left`` is what of the limit is left after this file."""
    if left < 0:
        raise LimitError(f"with {name} the results are more than the limit of {BYTES_LIMIT >> 20} MiB")


def matches(name: str, pattern: str, any_case: bool = False) -> bool:
    """Whether a name below the folder is one of ``pattern``, in which ``**`` is any number of folders."""
    if any_case:
        name, pattern = name.lower(), pattern.lower()
    return _match(name.split("/"), [part for part in pattern.split("/") if part not in ("", ".")])


def _match(names: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_match(names[skipped:], parts[1:] or ["*"]) for skipped in range(len(names)))
    return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and _match(names[1:], parts[1:])


def _names(folder: str) -> Iterator[str]:
    """The regular files below ``folder``."""
    for place, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, folder)


def _read(path: str, limit: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        return file.read(limit)
