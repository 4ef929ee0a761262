# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpacks an artifact, tar or zip, so that nothing in it can reach outside its folder or fill more than it may."""

from __future__ import annotations

from .places import Places


def unpack(archive: str, into: str, max_bytes: int, max_files: int) -> None:
    """Unpacks ``archive`` into the empty folder ``into``. What it is, its first bytes say, and not its name."""
    places = Places(into, max_bytes, max_files)
    with open(archive, "rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start in (b"PK\x03\x04", b"PK\x05\x06"):  # a zip, and one without members
            from .unpack_zip import unpack_zip

            unpack_zip(raw, places)
        else:
            from .unpack_tar import unpack_tar

            unpack_tar(raw, places)
    places.finish()
