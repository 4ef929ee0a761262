# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings an artifact's content to the host: from a file that was pushed, or from the store, whole or as a delta."""

from __future__ import annotations

import os
import stat
from typing import Any

from .errors import ArchiveError, BadInputError, ChecksumError
from .found import Found
from .layout import Layout
from .removal import remove


def bring(layout: Layout, found: Found, params: dict[str, Any], place: str, tree: str) -> str:
    """Has in ``tree`` what the artifact holds; says how it came. What travels is in the file ``place`` meanwhile."""
    memory = None
    if params["in_memory"] and _fits_memory(params["size"]):
        memory = os.memfd_create("artifact")
        place = f"/proc/self/fd/{memory}"
    try:
        return _brought(layout, found, params, place, tree) + (", in memory" if memory is not None else "")
    finally:
        if memory is not None:
            os.close(memory)
        else:
            remove(place)


def _fits_memory(size: int) -> bool:
    """Whether twice the artifact is available, so that what runs here keeps its own. An unknown size never fits."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            available = {name: value for name, _, value in (line.partition(":") for line in file)}["MemAvailable"]
    except (OSError, KeyError):
        return False
    return 0 < size * 2 < int(available.split()[0]) * 1024


def _brought(layout: Layout, found: Found, params: dict[str, Any], place: str, tree: str) -> str:
    """Brings the artifact or, where there is a release to begin with, what differs; ``place`` is for what travels."""
    if not params["url"]:
        sha256, size = _copy(params["src"], place, params["max_bytes"])
        _verify(params["src"], sha256, size, params)
        _unpack(place, tree, params)
        return f"from an artifact of {size} bytes"
    from .sources import Sources

    sources, why = Sources(params), ""
    if params["index"] and found.active and os.path.isdir(layout.release(found.active)):
        from .delta import UnlikeError, bring_delta

        os.mkdir(tree, 0o755)
        try:
            fetched = bring_delta(layout.release(found.active), tree, place, sources, params)
            return f"from {found.active} and {fetched} of an artifact's {params['size']} bytes{sources.said()}"
        except UnlikeError as unlike:
            remove(tree)
            why = f"; whole, as {unlike}"
    size = _fetch(sources, place, params)
    _unpack(place, tree, params)
    return f"from an artifact of {size} bytes{sources.said()}{why}"


def _fetch(sources: Any, place: str, params: dict[str, Any]) -> int:
    """Fetches and verifies the whole artifact; returns its size."""
    from .fetch import without_secrets

    sha256, size = sources.whole(params["url"], place, params["max_bytes"])
    if sha256 != params["sha256"].lower() and sources.distrust():
        sha256, size = sources.whole(params["url"], place, params["max_bytes"])
    _verify(without_secrets(params["url"]), sha256, size, params)
    return size


def _verify(source: str, sha256: str, size: int, params: dict[str, Any]) -> None:
    if sha256 != params["sha256"].lower():
        raise ChecksumError(f"{source}: sha256 is {sha256} of {size} bytes, and {params['sha256']} was promised")


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
