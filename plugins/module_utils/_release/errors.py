# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong with a release on a host.

::

    ReleaseError
    ├── BadInputError       a value that can't be used; nothing was looked at
    ├── SupersededError     somebody with a higher number has been here; nothing was changed
    ├── NotStagedError      the version isn't there whole; names those that are
    ├── FetchError          the artifact can't be had
    ├── ChecksumError       it isn't the one that was promised
    ├── ArchiveError        it is, but can't be unpacked safely
    ├── CommandError        a command of the contract, or the service's start, failed or took too long
    ├── StuckError          what runs would not stop, and is still there (Windows)
    ├── RebootPendingError  the host wants to be rebooted first; nothing was changed (Windows)
    └── DiskError           the disk is full or broken
"""

from __future__ import annotations

import errno
import os

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ReleaseError(Exception):
    """The base: the message is for a person, ``kind`` for a playbook."""

    kind = "error"


class BadInputError(ReleaseError):
    kind = "bad_input"


class SupersededError(ReleaseError):
    kind = "superseded"


class NotStagedError(ReleaseError):
    kind = "not_staged"


class FetchError(ReleaseError):
    kind = "fetch"


class ChecksumError(ReleaseError):
    kind = "checksum"


class ArchiveError(ReleaseError):
    kind = "archive"


class CommandError(ReleaseError):
    kind = "command"


class StuckError(ReleaseError):
    kind = "stuck"


class RebootPendingError(ReleaseError):
    kind = "reboot_pending"


class DiskError(ReleaseError):
    kind = "disk"


def disk_error(root: str, error: OSError) -> DiskError:
    """An error of the operating system below ``root``, in words; a full disk with what is left of it."""
    if error.errno not in _FULL:
        return DiskError(f"{error.filename or root}: {error.strerror or error}")
    try:
        free = os.statvfs(root)
        left = f"{free.f_bavail * free.f_frsize // 1024} KiB and {free.f_favail} inodes free"
    except OSError:
        left = "how much is free can't be told"
    return DiskError(f"{root}: the disk is full ({error.strerror}; now {left}, with what was half-made removed)")
