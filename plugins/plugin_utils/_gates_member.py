# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gate's test command on the member itself: run by an engine there, its results brought here and checked.

What a member answers is whatever ran there wanted it to be: it is believed in nothing that could harm the controller.
No file is written here, and names of files are shown and nothing else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._gate.command import CommandError, Ran, last_lines
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import (
    BYTES_LIMIT,
    Collected,
    check_number,
    check_size,
)
from ansible_collections.golden.fleet.plugins.module_utils._release.layout import Layout
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine
from ansible_collections.golden.fleet.plugins.plugin_utils._gates import Brought, OnMember

_NAME_LIMIT = 500
_ERROR_LIMIT = 2000
_SHOWN = 5


def runner(connection: Any, member: str, python: str, root: str) -> OnMember:
    """What runs commands on a Linux member, in the folder of the version's release below ``root``."""

    def run(gate: Mapping[str, Any], values: Mapping[str, str]) -> Brought:
        given = {
            "command": list(gate["command"]),
            "folder": Layout(root).release(values["version"]),
            "results": gate["results"],
            "timeout_seconds": gate["timeout_seconds"],
            "values": dict(values),
        }
        return checked(_engine.run(connection, member, "_gate", given, python))

    return run


def checked(answer: Mapping[str, Any]) -> Brought:
    """What an engine answered. Raises CommandError for its error, and for what is no answer of one; LimitError."""
    error = answer.get("error")
    if isinstance(error, str):
        raise CommandError(error[:_ERROR_LIMIT])
    status, tail = answer.get("status"), answer.get("tail")
    files, beside = answer.get("files"), answer.get("beside")
    is_status = status is None or (isinstance(status, int) and not isinstance(status, bool))
    if not (is_status and isinstance(tail, str) and isinstance(files, list) and isinstance(beside, list)):
        raise CommandError("what the member answered is no result of a test command")
    check_number(len(files))
    left = BYTES_LIMIT
    brought = []
    for file in files:
        name, data = _file(file)
        left -= len(data)
        check_size(name, left)
        brought.append((name, data))
    return Ran(status, last_lines(tail)), Collected(brought, [checked_name(name) for name in beside[:_SHOWN]])


def _file(file: Any) -> tuple[str, bytes]:
    if not (isinstance(file, list) and len(file) == 2 and isinstance(file[1], str)):
        raise CommandError("what the member answered holds something that is no file")
    name = checked_name(file[0])
    try:
        return name, base64.b64decode(file[1], validate=True)
    except (binascii.Error, ValueError):
        raise CommandError(f"what the member answered as {name} is no file") from None


def checked_name(name: Any) -> str:
    """``name`` if it may be shown as that of a file below the folder for results. Raises CommandError."""
    is_name = isinstance(name, str) and 0 < len(name) <= _NAME_LIMIT and name.isprintable()
    if not is_name or name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise CommandError(f"what the member answered has a file by the name {ascii(name)[:80]}, which none can have")
    return str(name)
