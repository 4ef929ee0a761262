# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compresses a tar archive in pieces, so that a host can fetch those that it lacks; the index says what is where.

One after the other, gzip files are one gzip file, to everybody who unpacks it. What the index holds is told in
module_utils/_release/delta.py, which reads it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from typing import Any, BinaryIO

# Small enough that a changed file brings little else along, large enough that pieces compress as one would.
_PIECE_BYTES = 1 << 17


class Pieces:
    """A file for tarfile to write to. ``add`` is told of each member when it has been written."""

    def __init__(self, archive: BinaryIO) -> None:
        self.archive = archive
        self.digest = hashlib.sha256()
        self.plain = bytearray()
        self.members: list[list[Any]] = []
        self.pieces: list[dict[str, Any]] = []

    def tell(self) -> int:
        """Where tarfile begins; it counts by itself from there on."""
        return 0

    def write(self, data: bytes) -> int:
        self.plain += data
        return len(data)

    def add(self, entry: tarfile.TarInfo, content: bytes) -> None:
        """Notes a member; a piece that is large enough ends with it."""
        self.members.append(_member(entry, content))
        if len(self.plain) >= _PIECE_BYTES:
            self._cut()

    def close(self) -> bytes:
        """Writes what is left, the archive's end with the last members; returns the index of the whole."""
        self._cut()
        index = {"format": 1, "sha256": self.digest.hexdigest(), "pieces": self.pieces}
        return json.dumps(index, separators=(",", ":")).encode()

    def _cut(self) -> None:
        packed = gzip.compress(self.plain, compresslevel=6, mtime=0)
        self.archive.write(packed)
        self.digest.update(packed)
        sha256 = hashlib.sha256(packed).hexdigest()
        self.pieces.append({"size": len(packed), "sha256": sha256, "members": self.members})
        self.plain, self.members = bytearray(), []


def _member(entry: tarfile.TarInfo, content: bytes) -> list[Any]:
    if entry.isdir():
        return ["folder", entry.name, entry.mode]
    if entry.issym():
        return ["link", entry.name, entry.linkname]
    if entry.isreg():
        return ["file", entry.name, entry.mode, entry.mtime, entry.size, hashlib.sha256(content).hexdigest()]
    return ["other", entry.name]
