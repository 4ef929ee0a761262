# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a zip archive, as releases have it that go to Windows hosts as well.

What its headers say is held against what is really there: a name that Windows would read otherwise is refused, and
what counts towards the limit are the bytes that were written.
"""

from __future__ import annotations

import calendar
import re
import stat
import struct
import zipfile
import zlib
from typing import Any

from .errors import ArchiveError
from .places import NewFile, Places

_CHUNK = 1 << 18
_CENTRAL_ENTRY = b"PK\x01\x02"
# What one member may take on average in the list of all, which zipfile reads into the memory.
_LISTED_BYTES = 512
_ENCRYPTED = 1 << 0 | 1 << 6
# What zipfile says of a broken archive, beside its own error.
_BROKEN = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, NotImplementedError, RuntimeError, ValueError)


class _Directory:
    """The archive as zipfile reads it. While it opens, a list of too many members isn't taken into the memory."""

    def __init__(self, raw: Any, max_files: int) -> None:
        self.raw = raw
        self.tell, self.seekable = raw.tell, raw.seekable
        self.max_files = max_files
        self.opening = True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0 and not 0 <= offset < 1 << 62:
            raise zipfile.BadZipFile("a header leads out of the file")
        return int(self.raw.seek(offset, whence))

    def read(self, size: int = -1) -> bytes:
        if not self.opening:
            return bytes(self.raw.read(size))
        most = self.max_files * _LISTED_BYTES + (1 << 20)
        data = bytes(self.raw.read(most + 1 if size < 0 else min(size, most + 1)))
        if len(data) > most or data.count(_CENTRAL_ENTRY) > self.max_files:
            raise ArchiveError(f"lists more than the limit of {self.max_files} files")
        return data


def unpack_zip(raw: Any, places: Places) -> None:
    """Unpacks the zip archive ``raw``, an open file."""
    directory: Any = _Directory(raw, places.max_files)
    try:
        with zipfile.ZipFile(directory) as archive:
            directory.opening = False
            for member in archive.infolist():
                _extract(archive, member, places)
    except _BROKEN as error:
        raise ArchiveError(f"isn't a whole zip archive: {error}") from error


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, places: Places) -> None:
    kind = _kind(member)
    # A folder's slash at the end is no part of its name.
    name = member.orig_filename.rstrip("/") or member.orig_filename
    _check(member, name)
    mode = member.external_attr >> 16
    if kind == "folder":
        places.make_folder(places.admit(name, "folder"), mode or 0o755)
        return
    if places.bytes + member.file_size > places.max_bytes:
        places.count(name, member.file_size)
    path = places.admit(name, "file")
    with archive.open(member) as content, NewFile(path) as file:
        written = 0
        while chunk := content.read(_CHUNK):
            places.count(name, len(chunk))
            written += len(chunk)
            file.write(chunk)
        if written != member.file_size:
            raise ArchiveError(f"{name!r}: holds {written} bytes, and its header says {member.file_size}")
        file.finish(mode or 0o644, _time(member))


def _check(member: zipfile.ZipInfo, name: str) -> None:
    if "\\" in name or re.match("[A-Za-z]:", name):
        raise ArchiveError(f"{name!r}: leads outside on Windows, or means another place there")
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{name!r}: is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{name!r}: is compressed by another way than deflate, which Windows can't read")


def _kind(member: zipfile.ZipInfo) -> str:
    """File or folder. The mode has the kind too where the archive was made on Unix; it must be the same one."""
    name = member.orig_filename
    kind = "folder" if name.endswith("/") else "file"
    said = stat.S_IFMT(member.external_attr >> 16)
    if said == stat.S_IFLNK:
        raise ArchiveError(f"{name.rstrip('/')!r}: is a link; in a zip only files and folders may be")
    if said not in (0, stat.S_IFDIR if kind == "folder" else stat.S_IFREG):
        raise ArchiveError(f"{name.rstrip('/')!r}: is a device, a pipe or the like, or is named as what it is not")
    if kind == "folder" and member.file_size:
        raise ArchiveError(f"{name.rstrip('/')!r}: is a folder that has content")
    return kind


def _time(member: zipfile.ZipInfo) -> float:
    """Its time, which a zip has without a zone: as UTC, the same on each host."""
    try:
        return calendar.timegm((*member.date_time, 0, 0, 0))
    except ValueError:  # such as the month 0
        return -1
