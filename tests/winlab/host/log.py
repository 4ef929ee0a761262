# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What reached a host, one entry a command, with every secret masked."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MASK = "********"
_SECRET_NAME = re.compile(r"(?i)passw|secret|passphrase|token|credential|api_?key|cert_data")


@dataclass
class Entry:
    kind: str  # module, put_file, fetch_file, make_temporary, expand_user, script
    name: str
    by: str  # winrs or psrp
    arguments: dict[str, Any] = field(default_factory=dict)
    check: bool = False
    become: str | None = None
    background: bool = False
    result: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    at: float = field(default_factory=time.time)


class Log:
    """``file`` gets the same entries as lines of JSON."""

    def __init__(self, secrets: Callable[[], set[str]], file: Path | None = None) -> None:
        self.entries: list[Entry] = []
        self._secrets = secrets
        self._file = file
        self._lock = threading.Lock()

    def add(self, entry: Entry, *, no_log: bool = False, secrets: tuple[str, ...] = ()) -> None:
        if no_log:
            entry.arguments, entry.result = {"censored": "no_log"}, {"censored": "no_log"}
        known = {secret for secret in {*self._secrets(), *secrets} if secret}
        known |= _named_secrets(entry.arguments)
        entry.arguments, entry.result = _masked(entry.arguments, known), _masked(entry.result, known)
        entry.name = _masked(entry.name, known)
        with self._lock:
            self.entries.append(entry)
            if self._file:
                with self._file.open("a") as out:
                    out.write(json.dumps(asdict(entry), default=str) + "\n")

    def modules(self, name: str = "") -> list[Entry]:
        """The modules that ran, all or those of one name; counts the round trips that tasks cost."""
        return [entry for entry in self.entries if entry.kind == "module" and name in ("", entry.name)]


def _named_secrets(value: Any) -> set[str]:
    """Values of arguments whose name says that they are secret; they may stand in other arguments as well."""
    if isinstance(value, dict):
        found = {str(item) for key, item in value.items() if _is_secret(key, item)}
        return found.union(*(_named_secrets(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_named_secrets(item) for item in value))
    return set()


def _is_secret(name: str, value: Any) -> bool:
    return bool(_SECRET_NAME.search(str(name))) and isinstance(value, str) and len(value) > 3 and value not in _HARMLESS


_HARMLESS = {"always", "on_create"}  # of update_password


def _masked(value: Any, secrets: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: MASK if _is_secret(key, item) else _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
    return value
