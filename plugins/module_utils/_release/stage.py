# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stages a release: fetched, verified, unpacked and prepared out of sight, then renamed into place in one step."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from .._files import atomic_write_json, sync_directory, sync_filesystem
from .commands import run_all
from .errors import ArchiveError, BadInputError, ChecksumError
from .found import Found
from .layout import Layout
from .plan import staged
from .removal import remove


def stage(layout: Layout, found: Found, params: dict[str, Any], now: str) -> str:
    """Stages the release; whatever goes wrong, it is wholly there or not at all. Returns what was done."""
    version = params["version"]
    work = f"{layout.staging}/{version}.{os.getpid()}.{time.time_ns()}"
    os.mkdir(work, 0o755)
    try:
        size = _bring(f"{work}/artifact", params)
        tree = f"{work}/tree"
        _unpack(f"{work}/artifact", tree, params)
        # Before the commands, which may need the room.
        os.unlink(f"{work}/artifact")
        run_all(
            params["prepare"],
            stage="prepare",
            root=layout.root,
            path=tree,
            version=version,
            timeout_seconds=params["prepare_timeout_seconds"],
        )
        sync_filesystem(tree)
        record = staged(found, version, params["sha256"].lower(), now).releases[version]
        atomic_write_json(layout.record(version), record)
        os.rename(tree, layout.release(version))
        sync_directory(layout.releases)
    except BaseException:
        if not os.path.isdir(layout.release(version)):
            remove(layout.record(version))
        raise
    finally:
        remove(work)
    return f"staged {version} from an artifact of {size} bytes"


def _bring(path: str, params: dict[str, Any]) -> int:
    """Brings the artifact to ``path`` and verifies it there; returns its size."""
    if params["url"]:
        from .fetch import fetch, without_secrets

        source = without_secrets(params["url"])
        sha256, size = fetch(
            params["url"],
            path,
            headers=params["headers"],
            max_bytes=params["max_bytes"],
            retries=params["retries"],
            timeout_seconds=params["fetch_timeout_seconds"],
        )
    else:
        source = params["src"]
        sha256, size = _copy(source, path, params["max_bytes"])
    if sha256 != params["sha256"].lower():
        raise ChecksumError(f"{source}: sha256 is {sha256} of {size} bytes, and {params['sha256']} was promised")
    return size


def _copy(source: str, path: str, max_bytes: int) -> tuple[str, int]:
    """Copies while it hashes: who pushed the file might still change it between the check and the unpacking."""
    import hashlib

    digest, size = hashlib.sha256(), 0
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInputError(f"src {source}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise BadInputError(f"src {source}: is no file")
    with os.fdopen(descriptor, "rb") as given, open(path, "wb") as copy:
        while chunk := given.read(1 << 18):
            size += len(chunk)
            if size > max_bytes:
                raise BadInputError(f"src {source}: is larger than the limit of {max_bytes} bytes")
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest(), size


def _unpack(archive: str, tree: str, params: dict[str, Any]) -> None:
    from .unpack import unpack

    os.mkdir(tree, 0o755)
    try:
        unpack(archive, tree, params["max_bytes"], params["max_files"])
    except ArchiveError as error:
        raise ArchiveError(f"the artifact of {params['version']} can't be unpacked: {error}") from error
