# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service's record on this balancer: its lock, leases and members' pools, and the journal of what was done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._files import atomic_write_json, locked, read_json
from .haproxy import BalancerError
from .line import Line

STATE_DIR = "/var/lib/golden-fleet"
_JOURNAL_BYTES = 4_000_000
# By member: who has it and why; its pool (online, maintenance, gone); how long its last change took; the version
# that it was admitted with; where it is, while HAProxy's configuration doesn't name it; with which version, and until
# when, it is kept aside.
_OF_MEMBERS = ("leases", "members", "seconds", "versions", "added", "kept")


class Record:
    """What is on the disk for one service. To be changed inside ``held`` alone, and saved there."""

    def __init__(self, state_dir: str, service: str, keep: bool = True) -> None:
        self.state_dir = state_dir
        self.service = service
        self._keep = keep
        self._path = os.path.join(state_dir, service)
        self.line = Line(f"{self._path}.line")
        self.data: dict[str, Any] = {}

    @contextmanager
    def held(self) -> Iterator[dict[str, Any]]:
        """The record, read afresh, for as long as no other process may read or change it."""
        if not os.path.isdir(self.state_dir):
            raise BalancerError(f"there is no folder {self.state_dir}: provision the balancer first")
        with locked(f"{self._path}.lock", 60, f"a change of {self.service}"):
            yield self.read()

    def read(self) -> dict[str, Any]:
        """The record as it is. Without the lock it is whole too, and may be old the moment after."""
        data = read_json(f"{self._path}.json", {})
        if not isinstance(data, dict):
            raise BalancerError(f"{self._path}.json holds no record")
        self.data = {"number": 0, "lock": None, "wanted": None, **{key: {} for key in _OF_MEMBERS}, **data}
        return self.data

    def forget(self, member: str) -> None:
        """Has nothing recorded of the member any more."""
        for key in _OF_MEMBERS:
            self.data[key].pop(member, None)

    def stamp(self) -> object:
        """Another one after each time that the record was saved."""
        try:
            status = os.stat(f"{self._path}.json")
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def save(self) -> None:
        """Brings the record to the disk."""
        if self._keep:
            atomic_write_json(f"{self._path}.json", self.data)

    def journal(self, event: str, member: str = "", **more: Any) -> None:
        """Adds a line of what was done. The journal tells; nothing is decided by it."""
        if not self._keep:
            return
        path = f"{self._path}.journal.jsonl"
        line = {"at": time.time(), "event": event, "member": member, "service": self.service, **more}
        if os.path.exists(path) and os.path.getsize(path) > _JOURNAL_BYTES:
            os.replace(path, f"{path}.1")
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
