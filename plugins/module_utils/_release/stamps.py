# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives the files of a release times that stand for their contents, the same on every host.

What looks at times sees a changed file so, and no other: a slot's delta, and caches such as PHP's opcode cache, which
keep a file by its path and its time in whole seconds. Archives need not give such times; many set all of them alike.
The seconds are those that golden.fleet.artifact gives: 28 bits of the content. With the nanoseconds they are 57.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib

_CHUNK = 1 << 18


def stamp(tree: str) -> None:
    """Gives each file below ``tree`` its time."""
    for folder, _folders, names in os.walk(tree):
        for name in names:
            path = f"{folder}/{name}"
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                moment = moment_of(path)
                if found.st_mtime_ns != moment:
                    os.utime(path, ns=(moment, moment), follow_symlinks=False)


def moment_of(path: str) -> int:
    """A time between 2001 and 2010, in nanoseconds, that stands for the file's content."""
    checksum, digest = 0, hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
            digest.update(chunk)
    nanoseconds = int.from_bytes(digest.digest()[:8], "big") % 10**9
    return (10**9 + checksum % 2**28) * 10**9 + nanoseconds
