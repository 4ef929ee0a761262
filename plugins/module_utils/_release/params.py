# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change of a release takes. The action checks it before it connects, the engine before it looks at anything."""

from __future__ import annotations

import os
import re
from typing import Any

from .._names import check_version
from .errors import BadInputError

STATES = ["staged", "active", "good", "bad"]

INDEX: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
    "size": {"type": "int", "required": True},
}
# As an argument spec of Ansible's; what they mean is in the documentation of the module `release`.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "root": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "state": {"type": "str", "choices": STATES, "default": "staged"},
    "url": {"type": "str"},
    "src": {"type": "str"},
    "sha256": {"type": "str"},
    "size": {"type": "int", "default": 0},
    "relays": {"type": "list", "elements": "str"},
    "index": {"type": "dict", "options": INDEX},
    "in_memory": {"type": "bool", "default": False},
    "headers": {"type": "dict", "no_log": True},
    "max_bytes": {"type": "int", "default": 1 << 30},
    "max_files": {"type": "int", "default": 200_000},
    "unpacked_bytes": {"type": "int", "default": 0},
    "retries": {"type": "int", "default": 4},
    "fetch_timeout_seconds": {"type": "float", "default": 20.0},
    "prepare": {"type": "list", "elements": "raw"},
    "prepare_timeout_seconds": {"type": "float", "default": 300.0},
    "activate": {"type": "list", "elements": "raw"},
    "activate_timeout_seconds": {"type": "float", "default": 60.0},
    "slots": {"type": "bool", "default": False},
    "at": {"type": "float"},
    "quiesce": {"type": "list", "elements": "raw"},
    "quiesce_timeout_seconds": {"type": "float", "default": 60.0},
    "reason": {"type": "str"},
    "keep_good": {"type": "int"},
    "number": {"type": "int"},
    "lock_wait_seconds": {"type": "float", "default": 300.0},
}
# How far ahead a switch may be asked for: others wait for the lock meanwhile, by default for longer than this.
AHEAD_SECONDS = 240.0
_EMPTY: dict[str, Any] = {"str": "", "dict": {}, "list": []}


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """``given`` with every default filled in; raises BadInputError for what can't be used."""
    defaults = {
        name: spec.get("default", _EMPTY.get(spec["type"])) for name, spec in ARGUMENTS.items() if name != "root"
    }
    stated = {name: value for name, value in given.items() if value is not None}
    params = {"check_mode": False, **defaults, **stated}
    params["root"] = checked_root(params.get("root"))
    checked_version(params["version"])
    if params["state"] not in STATES:
        raise BadInputError(f"state {params['state']!r} is none of {', '.join(STATES)}")
    params["headers"] = {str(name): str(value) for name, value in params["headers"].items()}
    _check_artifact(params)
    _check_ways(params)
    _check_numbers(params)
    _check_moment(params)
    for name in ("prepare", "activate", "quiesce"):
        params[name] = [_command(name, command) for command in params[name]]
    return params


def checked_version(version: object) -> str:
    """``version`` if it can name a folder safely."""
    try:
        return check_version(version)
    except ValueError as error:
        raise BadInputError(f"version {error}") from None


def checked_root(root: object) -> str:
    """``root`` if it is an absolute path of a folder that may be ours."""
    if not isinstance(root, str) or not root.startswith("/") or "\0" in root or ".." in root.split("/"):
        raise BadInputError(f"root {root!r} can't be used: an absolute path without '..', such as /srv/web")
    normal = os.path.normpath(root)
    if normal in ("/", "//"):
        raise BadInputError("root '/' can't be used: it is to be a folder of the service's own, such as /srv/web")
    return normal


def _check_artifact(params: dict[str, Any]) -> None:
    if params["url"] and params["src"]:
        raise BadInputError("url and src are both given: an artifact comes from one place")
    if params["url"]:
        _check_url("url", params["url"])
    if params["src"] and not params["src"].startswith("/"):
        raise BadInputError(f"src {params['src']!r} is no absolute path on the host")
    if params["sha256"]:
        _check_sha256("sha256", params["sha256"])
    if (params["url"] or params["src"]) and not params["sha256"]:
        raise BadInputError("an artifact is staged with its sha256, so that what runs is what was checked")
    for name, value in params["headers"].items():
        if re.search(r"[\r\n]", f"{name}{value}"):
            raise BadInputError(f"headers: {name} has a line break in it")


def _check_ways(params: dict[str, Any]) -> None:
    """Other ways than the whole artifact from the store itself."""
    for relay in params["relays"]:
        _check_url("relays", relay)
    index = params["index"]
    if not index:
        return
    if set(index) != set(INDEX) or not isinstance(index["size"], int) or index["size"] <= 0 or params["size"] <= 0:
        raise BadInputError("index can't be used: its url, sha256 and size, and with it the artifact's size")
    _check_url("index.url", str(index["url"]))
    _check_sha256("index.sha256", str(index["sha256"]))


def _check_url(name: str, url: object) -> None:
    if not isinstance(url, str) or not re.match(r"https?://[^/\s]+\S*$", url, re.IGNORECASE):
        raise BadInputError(f"{name} can't be used: it begins with http:// or https:// and names a host")


def _check_sha256(name: str, sha256: str) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise BadInputError(f"{name} {sha256!r} is no sha256: 64 hexadecimal digits")


def _check_numbers(params: dict[str, Any]) -> None:
    if params["keep_good"] is not None and params["keep_good"] < 1:
        raise BadInputError(f"keep_good {params['keep_good']} would leave no way back: 1 or more")
    for name in ("max_bytes", "max_files", *(name for name in params if name.endswith("timeout_seconds"))):
        if params[name] <= 0:
            raise BadInputError(f"{name} {params[name]} can't be used: more than 0")
    for name in ("retries", "lock_wait_seconds"):
        if params[name] < 0:
            raise BadInputError(f"{name} {params[name]} can't be used: 0 or more")


def _check_moment(params: dict[str, Any]) -> None:
    """``told_at`` is when the action said it, by the same clock as ``at``: this host may have another one."""
    at, told_at = params["at"], params.get("told_at")
    if at is None:
        return
    if params["state"] != "active":
        raise BadInputError(f"at is for state active: nothing is switched by {params['state']}")
    if told_at is not None and not at - told_at <= AHEAD_SECONDS:
        raise BadInputError(f"at is {at - told_at:.0f} s ahead, and {AHEAD_SECONDS:.0f} are allowed")


def _command(name: str, command: object) -> list[str]:
    words = command if isinstance(command, (list, tuple)) else []
    if not words or not all(isinstance(word, (str, int, float)) for word in words):
        raise BadInputError(f"{name}: {command!r} is no command: a list of words, the program first")
    return [str(word) for word in words]
