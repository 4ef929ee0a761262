# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The registry: keys by path, each with values. Keys and names know no case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import WindowsError

HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}


@dataclass
class Value:
    name: str
    type: str  # as win_regedit names it
    data: Any


@dataclass
class Key:
    name: str
    values: dict[str, Value] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    def find(self, parts: list[str]) -> Key | None:
        key: Key | None = self
        for part in parts:
            key = key.keys.get(part.lower()) if key else None
        return key

    def make(self, parts: list[str]) -> Key:
        key = self
        for part in parts:
            key = key.keys.setdefault(part.lower(), Key(part))
        return key


class Registry:
    def __init__(self) -> None:
        self._root = Key("", keys={hive.lower(): Key(hive) for hive in HIVES})

    def parts(self, path: str) -> list[str]:
        """Of ``HKLM:\\SOFTWARE\\x``, the form that the modules take."""
        hive, colon, rest = path.replace("/", "\\").partition(":")
        if not colon or hive.upper() not in HIVES:
            raise WindowsError(f"path: {path} is not a valid powershell path, see module documentation for examples.")
        return [hive.upper(), *(part for part in rest.split("\\") if part)]

    def find(self, path: str) -> Key | None:
        return self._root.find(self.parts(path))

    def make(self, path: str) -> Key:
        return self._root.make(self.parts(path))

    def remove(self, path: str) -> None:
        *above, last = self.parts(path)
        parent = self._root.find(above)
        if parent:
            parent.keys.pop(last.lower(), None)

    def value(self, path: str, name: str) -> Value | None:
        key = self.find(path)
        return key.values.get(name.lower()) if key else None

    def set(self, path: str, name: str, data: Any, type: str = "string") -> None:
        self.make(path).values[name.lower()] = Value(name, type, data)
