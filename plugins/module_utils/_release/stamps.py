# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives the files of a release times that tell their contents apart.

What looks at times sees a changed file so, and no other: a slot's delta, and caches such as PHP's opcode cache, which
keep a file by its path and its time in whole seconds. Archives don't give such times; many set all of them alike.
"""

from __future__ import annotations

import os
import stat

from .tree import same_content


def stamp(tree: str, other: str | None, seconds: int) -> None:
    """Gives each file the time of the same file in ``other``, or else ``seconds``, which no file had before."""
    for folder, _folders, names in os.walk(tree):
        below = folder[len(tree) :]
        for name in names:
            path = f"{folder}/{name}"
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                moment = _time_of_the_same(path, found, f"{other}{below}/{name}") if other else None
                moment = seconds * 1_000_000_000 if moment is None else moment
                if found.st_mtime_ns != moment:
                    os.utime(path, ns=(moment, moment), follow_symlinks=False)


def _time_of_the_same(path: str, found: os.stat_result, other: str) -> int | None:
    try:
        there = os.lstat(other)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(there.st_mode) or there.st_size != found.st_size:
        return None
    return there.st_mtime_ns if same_content(path, other) else None
