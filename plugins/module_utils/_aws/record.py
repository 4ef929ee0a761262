# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An image's record in the tags of its AMI, and back: pure functions.

A tag's value holds 256 characters, and a resource 50 tags. So the record is compressed, written in base64, whose
letters all of AWS takes in tags, and cut over as many tags as that needs: ``golden.fleet.record`` says how many,
``golden.fleet.record.00`` and so on hold them.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._provider.catalogue import fits

PREFIX = "golden.fleet."
_COUNT = f"{PREFIX}record"
_VALUE_LENGTH = 256
# Of the 50 that a resource may have; the rest is for what else is said of an image, and for the account's own.
_PARTS = 38
# What a record may come to, however small it was compressed.
_RECORD_BYTES = 1 << 20


class RecordError(Exception):
    """The record doesn't fit into tags; the message says what is too much of it."""


def to_tags(record: Mapping[str, Any]) -> dict[str, str]:
    """The tags that hold the record. Raises RecordError where there would be too many."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), default=str).encode()
    packed = base64.b64encode(zlib.compress(text, 9)).decode("ascii")
    parts = [packed[start : start + _VALUE_LENGTH] for start in range(0, len(packed), _VALUE_LENGTH)]
    if len(parts) > _PARTS or len(text) > _RECORD_BYTES:
        sizes = (f"{len(value)} {name}" for name, value in sorted(record.items()) if isinstance(value, (dict, list)))
        raise RecordError(
            f"the record of the image would take {len(parts)} tags of {_VALUE_LENGTH} characters, "
            f"and there is room for {_PARTS}; in it are {', '.join(sizes)}"
        )
    return {_COUNT: str(len(parts)), **{_part(number): part for number, part in enumerate(parts)}}


def from_tags(tags: Mapping[str, str]) -> dict[str, Any]:
    """The record that the tags hold; an empty one where they hold none, or somebody else's words."""
    try:
        count = int(tags.get(_COUNT, "0"))
        packed = "".join(tags[_part(number)] for number in range(min(count, _PARTS)))
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.b64decode(packed, validate=True), _RECORD_BYTES)
        record: Any = json.loads(text) if unpacking.eof else None
    except (KeyError, ValueError, RecursionError, zlib.error):
        return {}
    return dict(record) if fits(record) else {}


def _part(number: int) -> str:
    return f"{_COUNT}.{number:02}"
