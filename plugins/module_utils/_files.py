# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that survive a power cut at any moment: each is wholly the old one or wholly the new one, and on the disk.

The engines run these on hosts, so: standard library only, and nothing is imported before it is needed. Where a file
has several writers, they hold its lock while they read, decide and write.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_LOCK_POLL_SECONDS = 0.05


class LockBusyError(Exception):
    """Another process held the lock for as long as we were ready to wait. Names it, where it left its name."""

    def __init__(self, path: str, holder: str, waited_seconds: float) -> None:
        super().__init__(f"{path} is held by {holder or 'another process'}; waited {waited_seconds:g} s for it")


class NotJsonError(Exception):
    """A file of ours doesn't hold what we wrote: somebody else did."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} can't be understood ({reason}); restore it, or remove it to start afresh")


def read_json(path: str, missing: Any = None) -> Any:
    """The document in ``path``; ``missing`` where there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return missing
    except ValueError as error:
        raise NotJsonError(path, str(error)) from error


def atomic_write_json(path: str, data: Any, mode: int = 0o644) -> None:
    """Writes ``data`` to ``path``; returns once it is on the disk."""
    atomic_write(path, (json.dumps(data, sort_keys=True) + "\n").encode(), mode)


def atomic_write(path: str, content: bytes, mode: int = 0o644) -> None:
    """Replaces ``path`` by ``content``; returns once it is on the disk. The writers of a path hold its lock."""
    # A fixed name: what a killed writer left is overwritten by the next one, and never piles up.
    new = f"{path}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.rename(new, path)
    except OSError:
        _forget(new)
        raise
    sync_directory(os.path.dirname(path))


def replace_link(link: str, target: str) -> None:
    """Points the symbolic link ``link`` at ``target`` in one step; returns once that is on the disk."""
    new = f"{link}.new"
    _forget(new)
    os.symlink(target, new)
    os.rename(new, link)
    sync_directory(os.path.dirname(link))


def sync_directory(path: str) -> None:
    """Brings the names in the directory to the disk: a rename or a removal isn't there before."""
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(path: str) -> None:
    """Brings everything on the filesystem of ``path`` to the disk: for many new files, far cheaper than each alone."""
    try:
        import ctypes

        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, AttributeError, OSError):
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(descriptor)


@contextmanager
def locked(
    path: str, wait_seconds: float = 10.0, holder: str = "", meanwhile: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Holds the lock ``path`` alone; raises LockBusyError after ``wait_seconds``.

    The kernel drops it when the process ends, however it ends. ``holder`` tells those who wait who has it;
    ``meanwhile`` is called again and again while another has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path, wait_seconds, meanwhile)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder or 'a process'} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: str, wait_seconds: float, meanwhile: Callable[[], None]) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace")
                raise LockBusyError(path, holder, wait_seconds) from None
            meanwhile()
            time.sleep(_LOCK_POLL_SECONDS)


def _forget(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
