# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the members of an archive may go. Nothing is ever written through a link: each member's place is checked
against all that came before, in a folder that nobody else writes to."""

from __future__ import annotations

import os
import posixpath

from .errors import ArchiveError


class Places:
    """Which places of the folder are taken, and by what; refuses members that mustn't be there."""

    def __init__(self, into: str, max_bytes: int, max_files: int) -> None:
        self.into = into
        self.max_bytes = max_bytes
        self.max_files = max_files
        self.bytes = 0
        self.kinds: dict[str, str] = {"": "folder"}
        self.modes: dict[str, int] = {}

    def admit(self, shown: str, kind: str, size: int = 0, target: str = "") -> str:
        """Makes the folders above the member called ``shown``; returns its place, or raises ArchiveError.

        ``kind`` is file, folder, link or hard link; the last two lead to ``target``.
        """
        name = _inside(shown, shown)
        taken = self.kinds.get(name)
        if taken and not (taken == kind == "folder"):
            raise ArchiveError(f"{shown!r}: is in the archive twice")
        folders = self._missing_folders(name, shown)
        if kind == "link":
            _inside(posixpath.join(posixpath.dirname(name), target), shown, target)
        elif kind == "hard link" and self.kinds.get(_inside(target, shown)) != "file":
            raise ArchiveError(f"{shown!r}: is a hard link to {target!r}, which is no file before it")
        self.kinds.update(dict.fromkeys(folders, "folder"))
        self.kinds[name] = "file" if kind == "hard link" else kind
        self.count(shown, size)
        for folder in folders:
            os.mkdir(os.path.join(self.into, folder), 0o755)
        return os.path.join(self.into, name)

    def count(self, shown: str, size: int) -> None:
        """Counts ``size`` more bytes of the member called ``shown``; raises ArchiveError where it gets too much."""
        self.bytes += size
        if size < 0 or self.bytes > self.max_bytes:
            raise ArchiveError(f"{shown!r}: takes it over the limit of {self.max_bytes} bytes unpacked")
        if len(self.kinds) - 1 > self.max_files:
            raise ArchiveError(f"{shown!r}: takes it over the limit of {self.max_files} files")

    def make_folder(self, path: str, mode: int) -> None:
        """Makes the folder that was admitted to ``path``. It gets its mode at the end: files go in before."""
        if not os.path.isdir(path):
            os.mkdir(path, 0o755)
        self.modes[path] = mode & 0o755 | 0o700

    def finish(self) -> None:
        """Sets the folders' modes, once all is there; raises ArchiveError where the whole is not as it must be."""
        if len(self.kinds) == 1:
            raise ArchiveError("holds nothing")
        self._check_links()
        for folder in sorted(self.modes, reverse=True):
            os.chmod(folder, self.modes[folder])

    def _missing_folders(self, name: str, shown: str) -> list[str]:
        """The parents that aren't there yet, outermost first."""
        missing = []
        parent = posixpath.dirname(name)
        while parent not in self.kinds:
            missing.append(parent)
            parent = posixpath.dirname(parent)
        if self.kinds[parent] != "folder":
            raise ArchiveError(f"{shown!r}: lies below {parent!r}, which is a {self.kinds[parent]}")
        return missing[::-1]

    def _check_links(self) -> None:
        """A link through another link can lead outside though its text doesn't: see where each one really goes."""
        top = os.path.realpath(self.into)
        for name, kind in self.kinds.items():
            if kind == "link":
                end = os.path.realpath(os.path.join(self.into, name))
                if end != top and not end.startswith(top + "/"):
                    raise ArchiveError(f"{name!r}: links outside, through other links")


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


class NewFile:
    """A file that wasn't there: nothing is written through a link, no setuid, no writing by others."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def write(self, chunk: bytes) -> None:
        while chunk:
            chunk = chunk[os.write(self.descriptor, chunk) :]

    def finish(self, mode: int, mtime: float) -> None:
        """Gives it its mode, and the time that it was built with."""
        os.fchmod(self.descriptor, mode & 0o755 | 0o600)
        if 0 <= mtime < 1 << 33:
            os.utime(self.descriptor, (mtime, mtime))
