# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings one folder to what another one holds, and leaves alone what is the same already.

A file is the same by its size, mode and modification time, which stands for its content (stamps.py). Whatever the
filesystem says was touched later than we have been here is read as well.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from .removal import remove

_CHUNK = 1 << 18
Entries = dict[str, "os.DirEntry[str]"]


class Mirror:
    """Brings ``target`` to what ``source`` holds.

    ``work`` is a folder on the same filesystem for half-written files; without one nothing is written, only said.
    ``since`` is the moment (nanoseconds, as in a file's ctime) after which nothing of ours was written; None where
    that isn't known, and every file is read. ``claimed`` says that the target passes for what is wanted, so that all
    that differs was edited by hand. ``passed_by`` is a name at the top of the target that is none of the source's.
    """

    def __init__(
        self, source: str, target: str, *, work: str | None, since: int | None, claimed: bool, passed_by: str = ""
    ) -> None:
        self.source, self.target, self.work = source, target, work
        self.since, self.claimed, self.passed_by = since, claimed, passed_by
        self.written: list[str] = []
        self.removed: list[str] = []
        self.edited: list[str] = []
        self.kept = 0

    @property
    def differs(self) -> bool:
        return bool(self.written or self.removed)

    def run(self) -> Mirror:
        self._folder("", there=True)
        return self

    def _folder(self, below: str, *, there: bool) -> None:
        wanted = _entries(f"{self.source}{below}")
        found = _entries(f"{self.target}{below}") if there else {}
        if not below:
            for entries in (wanted, found):
                entries.pop(self.passed_by, None)
        for name in found.keys() - wanted.keys():
            self._remove(f"{below}/{name}", found[name])
        for name in sorted(wanted):
            place, entry, old = f"{below}/{name}", wanted[name], found.get(name)
            if entry.is_dir(follow_symlinks=False):
                self._folder(place, there=self._make_folder(place, entry, old))
            elif entry.is_symlink():
                self._link(place, old)
            else:
                self._file(place, entry, old)

    def _file(self, place: str, entry: os.DirEntry[str], old: os.DirEntry[str] | None) -> None:
        if old is not None and old.is_file(follow_symlinks=False) and self._same(place, entry, old):
            self.kept += 1
            return
        self._differs(place, old)
        if self.work:
            new = f"{self.work}/new"
            _copy(entry.path, new, entry.stat(follow_symlinks=False))
            self._put(new, place, old)

    def _link(self, place: str, old: os.DirEntry[str] | None) -> None:
        leads_to = os.readlink(f"{self.source}{place}")
        if old is not None and old.is_symlink() and os.readlink(old.path) == leads_to:
            self.kept += 1
            return
        self._differs(place, old)
        if self.work:
            new = f"{self.work}/new"
            os.symlink(leads_to, new)
            self._put(new, place, old)

    def _make_folder(self, place: str, entry: os.DirEntry[str], old: os.DirEntry[str] | None) -> bool:
        """Has the folder there; whether it was there before."""
        mode = _mode(entry)
        was_there = old is not None and old.is_dir(follow_symlinks=False)
        if was_there and _mode(old) == mode:
            return True
        self._differs(place, old)
        if self.work:
            if old is not None and not was_there:
                os.unlink(old.path)
            if not was_there:
                os.mkdir(f"{self.target}{place}", 0o700)
            os.chmod(f"{self.target}{place}", mode)
        return was_there

    def _remove(self, place: str, old: os.DirEntry[str]) -> None:
        self.removed.append(place)
        self._note_edit(place, old)
        if self.work:
            self._take_away(old)

    def _put(self, new: str, place: str, old: os.DirEntry[str] | None) -> None:
        if old is not None and old.is_dir(follow_symlinks=False):
            self._take_away(old)
        os.rename(new, f"{self.target}{place}")

    def _take_away(self, old: os.DirEntry[str]) -> None:
        if not old.is_dir(follow_symlinks=False):
            os.unlink(old.path)
            return
        away = f"{self.work}/removed"
        os.rename(old.path, away)
        remove(away)

    def _differs(self, place: str, old: os.DirEntry[str] | None) -> None:
        self.written.append(place)
        self._note_edit(place, old)

    def _note_edit(self, place: str, old: os.DirEntry[str] | None) -> None:
        if self.claimed or (old is not None and self.since is not None and self._touched(old)):
            self.edited.append(shown(place))

    def _touched(self, entry: os.DirEntry[str]) -> bool:
        return self.since is None or entry.stat(follow_symlinks=False).st_ctime_ns > self.since

    def _same(self, place: str, entry: os.DirEntry[str], old: os.DirEntry[str]) -> bool:
        wanted, found = entry.stat(follow_symlinks=False), old.stat(follow_symlinks=False)
        if (wanted.st_size, wanted.st_mode, wanted.st_mtime_ns) != (found.st_size, found.st_mode, found.st_mtime_ns):
            return False
        return not self._touched(old) or same_content(entry.path, old.path)


def same_content(one: str, other: str) -> bool:
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            chunk = left.read(_CHUNK)
            if chunk != right.read(_CHUNK):
                return False
            if not chunk:
                return True


def shown(place: str) -> str:
    """The path below the folder in characters that can be printed, whatever its encoding."""
    return os.fsencode(place.lstrip("/")).decode("utf-8", "backslashreplace")


def _entries(folder: str) -> Entries:
    with os.scandir(folder) as found:
        return {entry.name: entry for entry in found}


def _mode(entry: Any) -> int:
    return stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)


def _copy(source: str, new: str, like: os.stat_result) -> None:
    """Copies a file, with its mode and its time; nobody sees it under its own name before it is whole."""
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(source, "rb") as given, open(descriptor, "wb") as copy:
        while chunk := given.read(_CHUNK):
            copy.write(chunk)
        copy.flush()
        os.fchmod(copy.fileno(), stat.S_IMODE(like.st_mode))
        os.utime(copy.fileno(), ns=(like.st_mtime_ns, like.st_mtime_ns))
