# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a tar archive, plain or compressed.

Python's own ``filter="data"`` isn't on every host (3.9 lacks it), doesn't bound what a bomb unpacks to, and lets a
member be written through a link of the same archive.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
import zlib
from typing import Any

from .errors import ArchiveError
from .places import NewFile, Places

_CHUNK = 1 << 18
# Room for one member's headers (long names, pax records) and for what is read ahead.
_HEADER_BYTES = 1 << 20


class _Headers:
    """The archive as tarfile reads it. Ends a read of more than was allowed: headers could fill the memory."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain
        self.seek, self.tell = plain.seek, plain.tell
        self.allowed = _HEADER_BYTES

    def read(self, size: int) -> bytes:
        self.allowed -= size
        if self.allowed < 0:
            raise ArchiveError("the headers of one member are larger than 1 MiB")
        return bytes(self.plain.read(size))


def unpack_tar(raw: Any, places: Places) -> None:
    """Unpacks the tar archive ``raw``, an open file."""
    try:
        with _decompressed(raw) as plain:
            headers: Any = _Headers(plain)
            # Not its streaming mode, which takes thrice the time for small files.
            with tarfile.open(fileobj=headers, mode="r:") as tar:
                while member := tar.next():
                    headers.allowed = _HEADER_BYTES
                    _extract(plain, member, places)
    except (tarfile.TarError, EOFError, RecursionError, zlib.error, _lzma_error()) as error:
        raise ArchiveError(
            f"isn't a whole archive, a zip or a tar that is plain or by gzip, bzip2 or xz: {error}"
        ) from error
    except OSError as error:
        if error.errno is None:  # how gzip and bz2 say that the data is broken
            raise ArchiveError(f"is broken: {error}") from error
        raise


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "folder"
    if member.issym():
        return "link"
    if member.islnk():
        return "hard link"
    if member.isreg() and not member.issparse():
        return "file"
    raise ArchiveError(f"{member.name!r}: is a device, a pipe or the like; only files, folders and links may be")


def _extract(plain: Any, member: tarfile.TarInfo, places: Places) -> None:
    kind = _kind(member)
    path = places.admit(member.name, kind, member.size if kind == "file" else 0, member.linkname)
    if kind == "folder":
        places.make_folder(path, member.mode)
    elif kind == "link":
        os.symlink(member.linkname, path)
    elif kind == "hard link":
        os.link(os.path.join(places.into, posixpath.normpath(member.linkname)), path, follow_symlinks=False)
    else:
        plain.seek(member.offset_data)
        _write(plain, path, member)


def _write(content: Any, path: str, member: tarfile.TarInfo) -> None:
    with NewFile(path) as file:
        left = member.size
        while left:
            chunk = content.read(min(left, _CHUNK))
            if not chunk:
                raise EOFError(f"{member.name!r} is cut")
            left -= len(chunk)
            file.write(chunk)
        file.finish(member.mode, member.mtime)


def _decompressed(raw: Any) -> Any:
    """The tar stream, by the first bytes of the file; each kind's module only where it is needed."""
    start = raw.read(6)
    raw.seek(0)
    try:
        if start.startswith(b"\x1f\x8b"):
            import gzip

            return gzip.GzipFile(fileobj=raw)
        if start.startswith(b"BZh"):
            import bz2

            return bz2.BZ2File(raw)
        if start == b"\xfd7zXZ\0":
            import lzma

            return lzma.LZMAFile(raw)
    except ImportError as error:
        raise ArchiveError(f"this host's Python can't read its compression: {error}") from error
    return raw


def _lzma_error() -> type[Exception]:
    try:
        import lzma
    except ImportError:
        return EOFError
    return lzma.LZMAError
