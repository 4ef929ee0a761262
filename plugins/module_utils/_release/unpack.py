# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpacks an artifact so that nothing in it can reach outside its folder or fill more than it may.

Python's own ``filter="data"`` isn't on every host (3.9 lacks it), doesn't bound what a bomb unpacks to, and lets a
member be written through a link of the same archive. Here nothing is ever written through a link: each member's
place is checked against all that came before, in a folder that nobody else writes to.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
import zlib
from typing import Any

from .errors import ArchiveError

_CHUNK = 1 << 18
# Room for one member's headers (long names, pax records) and for what is read ahead.
_HEADER_BYTES = 1 << 20


class Places:
    """Which places of the folder are taken, and by what; refuses members that mustn't be there."""

    def __init__(self, max_bytes: int, max_files: int) -> None:
        self.max_bytes = max_bytes
        self.max_files = max_files
        self.bytes = 0
        self.kinds: dict[str, str] = {"": "folder"}

    def admit(self, member: tarfile.TarInfo) -> tuple[str, str, list[str]]:
        """The member's place, its kind and the folders to make for it first; raises ArchiveError."""
        name = _inside(member.name, member.name)
        kind = self._kind(member)
        taken = self.kinds.get(name)
        if taken and not (taken == kind == "folder"):
            raise ArchiveError(f"{member.name!r}: is in the archive twice")
        folders = self._folders(name, member.name)
        if kind == "link":
            _inside(posixpath.join(posixpath.dirname(name), member.linkname), member.name, member.linkname)
        elif kind == "hard link" and self.kinds.get(_inside(member.linkname, member.name)) != "file":
            raise ArchiveError(f"{member.name!r}: is a hard link to {member.linkname!r}, which is no file before it")
        self._count(member, kind, [*folders, name])
        return name, kind, folders

    def _kind(self, member: tarfile.TarInfo) -> str:
        if member.isdir():
            return "folder"
        if member.issym():
            return "link"
        if member.islnk():
            return "hard link"
        if member.isreg() and not member.issparse():
            return "file"
        raise ArchiveError(f"{member.name!r}: is a device, a pipe or the like; only files, folders and links may be")

    def _folders(self, name: str, shown: str) -> list[str]:
        """The parents that aren't there yet, outermost first."""
        missing = []
        parent = posixpath.dirname(name)
        while parent not in self.kinds:
            missing.append(parent)
            parent = posixpath.dirname(parent)
        if self.kinds[parent] != "folder":
            raise ArchiveError(f"{shown!r}: lies below {parent!r}, which is a {self.kinds[parent]}")
        return missing[::-1]

    def _count(self, member: tarfile.TarInfo, kind: str, places: list[str]) -> None:
        self.kinds.update(dict.fromkeys(places, "folder"))
        self.kinds[places[-1]] = "file" if kind == "hard link" else kind
        self.bytes += member.size if kind == "file" else 0
        if member.size < 0 or self.bytes > self.max_bytes:
            raise ArchiveError(f"{member.name!r}: takes it over the limit of {self.max_bytes} bytes unpacked")
        if len(self.kinds) - 1 > self.max_files:
            raise ArchiveError(f"{member.name!r}: takes it over the limit of {self.max_files} files")


def _inside(path: str, shown: str, target: str | None = None) -> str:
    """``path`` in its normal form, relative to the folder; refuses one that leads out of it."""
    normal = posixpath.normpath(path)
    if not path or "\0" in path or path.startswith("/") or normal == ".." or normal.startswith("../"):
        raise ArchiveError(
            f"{shown!r}: leads outside" if target is None else f"{shown!r}: links outside, to {target!r}"
        )
    if target is None and ".." in path.split("/"):
        raise ArchiveError(f"{shown!r}: has '..' in it")
    return "" if normal == "." else normal


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


def unpack(archive: str, into: str, max_bytes: int, max_files: int) -> None:
    """Unpacks ``archive`` into the empty folder ``into``."""
    places = Places(max_bytes, max_files)
    modes: dict[str, int] = {}
    try:
        with open(archive, "rb") as raw, _decompressed(raw) as plain:
            headers: Any = _Headers(plain)
            # Not its streaming mode, which takes thrice the time for small files.
            with tarfile.open(fileobj=headers, mode="r:") as tar:
                while member := tar.next():
                    headers.allowed = _HEADER_BYTES
                    _extract(plain, member, into, places, modes)
    except (tarfile.TarError, EOFError, RecursionError, zlib.error, _lzma_error()) as error:
        raise ArchiveError(f"isn't a whole tar archive, plain or by gzip, bzip2 or xz: {error}") from error
    except OSError as error:
        if error.errno is None:  # how gzip and bz2 say that the data is broken
            raise ArchiveError(f"is broken: {error}") from error
        raise
    if len(places.kinds) == 1:
        raise ArchiveError("holds nothing")
    _check_links(into, places)
    for folder in sorted(modes, reverse=True):
        os.chmod(os.path.join(into, folder), modes[folder])


def _extract(plain: Any, member: tarfile.TarInfo, into: str, places: Places, modes: dict[str, int]) -> None:
    name, kind, folders = places.admit(member)
    for folder in folders:
        os.mkdir(os.path.join(into, folder), 0o755)
    path = os.path.join(into, name)
    if kind == "folder":
        if name and not os.path.isdir(path):
            os.mkdir(path, 0o755)
        modes[name] = member.mode & 0o755 | 0o700
    elif kind == "link":
        os.symlink(member.linkname, path)
    elif kind == "hard link":
        os.link(os.path.join(into, posixpath.normpath(member.linkname)), path, follow_symlinks=False)
    else:
        plain.seek(member.offset_data)
        _write(plain, path, member)


def _write(content: Any, path: str, member: tarfile.TarInfo) -> None:
    """Writes one file: no setuid, no writing by others, the time that it was built with."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        left = member.size
        while left:
            chunk = content.read(min(left, _CHUNK))
            if not chunk:
                raise EOFError(f"{member.name!r} is cut")
            left -= len(chunk)
            while chunk:
                chunk = chunk[os.write(descriptor, chunk) :]
        os.fchmod(descriptor, member.mode & 0o755 | 0o600)
        if 0 <= member.mtime < 1 << 33:
            os.utime(descriptor, (member.mtime, member.mtime))
    finally:
        os.close(descriptor)


def _check_links(into: str, places: Places) -> None:
    """A link through another link can lead outside though its text doesn't: see where each one really goes."""
    top = os.path.realpath(into)
    for name, kind in places.kinds.items():
        if kind == "link":
            end = os.path.realpath(os.path.join(into, name))
            if end != top and not end.startswith(top + "/"):
                raise ArchiveError(f"{name!r}: links outside, through other links")


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
