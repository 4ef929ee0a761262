# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings a release of which only that travels what the release in use doesn't have.

An artifact's index says of which pieces it consists, one after the other, and what each holds. A piece is a gzip file
of its own with whole members of the tar archive, so pieces that follow one another are an archive too. ::

    {"format": 1, "sha256": of the artifact, "pieces": [{"size": ..., "sha256": ..., "members": [member, ...]}, ...]}
    member: ["file", name, mode, time, size, sha256], ["folder", name, mode], ["link", name, target] or ["other", name]

All of it is checked: the index by the sha256 in the artifact's manifest, pieces and files by the index.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from .errors import ArchiveError, FetchError
from .fetch import Download
from .places import NewFile, Places
from .sources import Sources

Piece = dict[str, Any]
# What a request costs, in bytes that could have been fetched instead; also, how small a gap is fetched with the rest.
_REQUEST = 1 << 15
# Where more than this share of the artifact would travel, all of it does: files that are here have to be read as well.
_WORTH = 0.7
_CHUNK = 1 << 18


class UnlikeError(Exception):
    """The whole artifact is the better way; the words say why."""


def bring_delta(base: str, tree: str, pieces_file: str, sources: Sources, params: dict[str, Any]) -> int:
    """Makes ``tree`` what the artifact holds, out of the release at ``base`` and of pieces that are fetched.

    Returns how many bytes travelled. Raises UnlikeError where the whole is to be fetched; what is in ``tree`` then is
    of no use.
    """
    told = params["index"]
    _refuse_unless_worth(told["size"], params["size"], "its index alone is as large")
    try:
        index = _read_index(told, pieces_file, sources, params)
        pieces = index["pieces"]
        missing = _near_one_another([not _is_here(piece, base) for piece in pieces], pieces)
        spans = _spans(missing, pieces)
        travels = told["size"] + sum(length + _REQUEST for _first, length in spans)
        _refuse_unless_worth(travels, params["size"], "too much of it differs from what is in use")
        places = Places(tree, params["max_bytes"], params["max_files"])
        for piece, is_missing in zip(pieces, missing):
            if not is_missing:
                _take(piece, base, places)
        _fetch(spans, [piece for piece, is_missing in zip(pieces, missing) if is_missing], pieces_file, sources, params)
        if spans:
            from .unpack_tar import unpack_tar

            with open(pieces_file, "rb") as raw:
                unpack_tar(raw, places)
        places.finish()
    except (FetchError, ArchiveError, zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnlikeError(str(error)) from error
    return told["size"] + sum(length for _first, length in spans)


def _refuse_unless_worth(travels: int, size: int, why: str) -> None:
    if travels > size * _WORTH:
        raise UnlikeError(why)


def _read_index(told: dict[str, Any], path: str, sources: Sources, params: dict[str, Any]) -> dict[str, Any]:
    import json

    sha256, _size = sources.whole(told["url"], path, told["size"])
    if sha256 != told["sha256"].lower():
        raise UnlikeError("its index is another one than was promised")
    # By the largest number of files: names are short, as a rule.
    most = (params["max_files"] << 10) + _CHUNK
    unpacked = zlib.decompressobj(wbits=31)  # of gzip
    with open(path, "rb") as file:
        plain = unpacked.decompress(file.read(), most)
    if unpacked.unconsumed_tail:
        raise UnlikeError("its index is too large")
    index = json.loads(plain)
    whole = sum(piece["size"] for piece in index["pieces"])
    if index["format"] != 1 or index["sha256"] != params["sha256"].lower() or whole != params["size"]:
        raise UnlikeError("its index is of another artifact")
    return index


def _is_here(piece: Piece, base: str) -> bool:
    """Whether the release in use seems to have all of it. A file's content is looked at when it is taken."""
    return all(
        kind in ("folder", "link") or (kind == "file" and _looks_alike(os.path.join(base, rest[0]), *rest[2:4]))
        for kind, *rest in piece["members"]
    )


def _looks_alike(path: str, mtime: int, size: int) -> bool:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and (int(found.st_mtime), found.st_size) == (mtime, size)


def _near_one_another(missing: Sequence[bool], pieces: Sequence[Piece]) -> list[bool]:
    """Also counts as missing what lies between two that are, and is smaller than what another request costs."""
    near = list(missing)
    gap: list[int] | None = None  # the pieces since the last one that is missing
    for number, is_missing in enumerate(missing):
        if not is_missing:
            if gap is not None:
                gap.append(number)
            continue
        if gap and sum(pieces[between]["size"] for between in gap) <= _REQUEST:
            for between in gap:
                near[between] = True
        gap = []
    return near


def _spans(missing: Sequence[bool], pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """What to ask for: the first byte and the length of each run of pieces that are missing."""
    spans, first = [], 0
    for is_missing, run in groupby(zip(missing, pieces), key=lambda pair: pair[0]):
        length = sum(piece["size"] for _missing, piece in run)
        if is_missing:
            spans.append((first, length))
        first += length
    return spans


def _take(piece: Piece, base: str, places: Places) -> None:
    """Makes the piece's members out of the release in use."""
    for kind, name, *rest in piece["members"]:
        if kind == "folder":
            places.make_folder(places.admit(name, kind), rest[0])
        elif kind == "link":
            os.symlink(rest[0], places.admit(name, kind, 0, rest[0]))
        else:
            mode, mtime, size, sha256 = rest
            _copy(os.path.join(base, name), places.admit(name, kind, size), mode, mtime, sha256)


def _copy(source: str, target: str, mode: int, mtime: int, sha256: str) -> None:
    digest = hashlib.sha256()
    with NewFile(target) as file:
        for chunk in _read(source):
            digest.update(chunk)
            file.write(chunk)
        file.finish(mode, mtime)
    if digest.hexdigest() != sha256:
        raise UnlikeError("what is in use was edited")


def _read(path: str) -> Iterator[bytes]:
    """The content of a file that is no link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnlikeError(f"what is in use was edited meanwhile: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _fetch(
    spans: Sequence[tuple[int, int]], missing: Sequence[Piece], path: str, sources: Sources, params: dict[str, Any]
) -> None:
    """Fetches the pieces that are missing into one file, one after the other, and verifies each."""
    with open(path, "wb") as file:
        for first, length in spans:
            sources.bring(params["url"], Download(file, first, length), length)
    with open(path, "rb") as file:
        for piece in missing:
            digest, left = hashlib.sha256(), piece["size"]
            while left and (chunk := file.read(min(left, _CHUNK))):
                digest.update(chunk)
                left -= len(chunk)
            if digest.hexdigest() != piece["sha256"]:
                raise UnlikeError("a piece of it came with another content than was promised")
