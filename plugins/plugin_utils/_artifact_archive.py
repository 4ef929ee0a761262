# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs a folder as an artifact: sorted, owned by root, without a trace of who built it or when.

A file's time comes from its content. Web servers make their ETag of a file's time and size, so with one time for
all a browser would keep release.json of 0.0.9 when 1.1.0 is there.
"""

from __future__ import annotations

import gzip
import io
import pathlib
import re
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, cast

from ansible_collections.golden.fleet.plugins.plugin_utils._artifact_pieces import Pieces

SUFFIXES = {"tar": ".tar.gz", "zip": ".zip"}
INDEX_SUFFIX = ".index.gz"

# What Windows takes for something else, wherever it stands in a name: "Naming Files, Paths, and Namespaces".
_NOT_ON_WINDOWS = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)', re.IGNORECASE
)


class ArchiveError(Exception):
    """A folder that can't be packed as its contract says."""


def pack(folder: pathlib.Path, archive: pathlib.Path, kind: str) -> dict[str, int]:
    """Packs ``folder``; returns how many files and folders it holds, and the bytes of their content.

    Beside a tar comes its index, under the same name with INDEX_SUFFIX: by that, hosts fetch only what they lack.
    """
    {"tar": _pack_tar, "zip": _pack_zip}[kind](folder, archive)
    sizes = [path.lstat().st_size if _is_file(path) else 0 for path, _ in tree(folder)]
    return {"unpacked_bytes": sum(sizes), "files": len(sizes)}


def tree(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, str]]:
    """All below ``folder`` in one order, each with its name there; links are not followed."""
    for path in sorted(folder.rglob("*")):
        yield path, path.relative_to(folder).as_posix()


def time_of(content: bytes) -> int:
    """A time between 2001 and 2010 that stands for the content."""
    return 1_000_000_000 + zlib.crc32(content) % 2**28


def _is_file(path: pathlib.Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _mode(path: pathlib.Path) -> int:
    mode = path.lstat().st_mode
    return 0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644


def _pack_tar(folder: pathlib.Path, archive: pathlib.Path) -> None:
    with open(archive, "wb") as raw:
        pieces = Pieces(raw)
        # Its type wants a whole file; it only writes.
        with tarfile.open(fileobj=cast("Any", pieces), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path, name in tree(folder):
                entry = tar.gettarinfo(path, arcname=name)
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = "root"
                entry.mode = _mode(path)
                content = path.read_bytes() if entry.isreg() else b""
                entry.mtime = time_of(content)
                tar.addfile(entry, io.BytesIO(content))
                pieces.add(entry, content)
        index = gzip.compress(pieces.close(), mtime=0)
    archive.with_name(archive.name + INDEX_SUFFIX).write_bytes(index)


def _pack_zip(folder: pathlib.Path, archive: pathlib.Path) -> None:
    """A zip is for Windows hosts as well: what they couldn't unpack, or would unpack to something else, is refused."""
    taken: dict[str, str] = {}
    with zipfile.ZipFile(archive, "w") as packed:
        for path, name in tree(folder):
            _check_for_windows(path, name, taken)
            content = path.read_bytes() if _is_file(path) else b""
            # A zip's times have steps of two seconds and no zone.
            entry = zipfile.ZipInfo(name if _is_file(path) else f"{name}/", time.gmtime(time_of(content) & ~1)[:6])
            entry.create_system = 3  # Unix, whose modes stand in the upper half of external_attr
            entry.external_attr = (stat.S_IFMT(path.lstat().st_mode) | _mode(path)) << 16
            if path.is_dir():
                entry.external_attr |= 0x10  # the folder's mark that Windows looks at
            entry.compress_type = zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED
            packed.writestr(entry, content, compresslevel=6)


def _check_for_windows(path: pathlib.Path, name: str, taken: dict[str, str]) -> None:
    if not (_is_file(path) or stat.S_ISDIR(path.lstat().st_mode)):
        raise ArchiveError(
            f"{name!r} is a link or the like, which a zip can't hold: the recipe can copy what it leads to, "
            "or artifact.format be tar"
        )
    if _NOT_ON_WINDOWS.search(path.name):
        raise ArchiveError(f"{name!r} is no name that Windows takes")
    if taken.setdefault(name.casefold(), name) != name:
        raise ArchiveError(f"{name!r} and {taken[name.casefold()]!r} are one name on Windows")
