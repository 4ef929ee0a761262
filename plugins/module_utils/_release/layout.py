# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are below a service's root."""

from __future__ import annotations

import os

SLOTS = ("yin", "yang")


class Layout:
    """The paths below one root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.releases = f"{root}/releases"
        self.records = f"{root}/records"
        self.staging = f"{root}/staging"
        self.shared = f"{root}/shared"
        self.current = f"{root}/current"
        self.slots = f"{root}/slots"
        self.next = f"{root}/next"
        self.activation = f"{root}/activation.json"
        self.awaited = f"{root}/awaited.json"
        self.called_off = f"{root}/called_off.json"
        self.fence = f"{root}/fence.json"
        self.lock = f"{root}/.lock"

    def release(self, version: str) -> str:
        return f"{self.releases}/{version}"

    def record(self, version: str) -> str:
        return f"{self.records}/{version}.json"

    def slot(self, name: str) -> str:
        return f"{self.slots}/{name}"

    def slot_record(self, name: str) -> str:
        return f"{self.slots}/{name}.json"

    def make(self) -> None:
        """Makes the folders that aren't there."""
        for path in (self.root, self.releases, self.records, self.staging, self.shared):
            os.makedirs(path, mode=0o755, exist_ok=True)
