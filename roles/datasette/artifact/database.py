# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the database that is served: ISO's codes, as the wheel of pycountry carries them. The same bytes each time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import sqlite3
import zipfile
from collections.abc import Sequence
from typing import Any

# Table: the standard's file, its columns, the first of which is the key.
TABLES = {
    "countries": ("iso3166-1", ["alpha_2", "alpha_3", "numeric", "name", "official_name", "common_name", "flag"]),
    "subdivisions": ("iso3166-2", ["code", "name", "type", "parent"]),
    "languages": ("iso639-3", ["alpha_3", "alpha_2", "name", "inverted_name", "scope", "type"]),
    "currencies": ("iso4217", ["alpha_3", "numeric", "name"]),
    "scripts": ("iso15924", ["alpha_4", "numeric", "name"]),
}
# SQLite writes its own version there, the only bytes that differ from one controller to the next.
_VERSION_OF_SQLITE = slice(96, 100)


def make(wheel: pathlib.Path, path: pathlib.Path, empty: Sequence[str] = ()) -> dict[str, Any]:
    """Writes the database to ``path``, the tables named in ``empty`` without rows.

    Returns what datasette wants to know of a database that doesn't change (its inspect-data.json).
    """
    counts = {}
    with zipfile.ZipFile(wheel) as archive, contextlib.closing(sqlite3.connect(path)) as base, base:
        for table, (standard, columns) in TABLES.items():
            (entries,) = json.loads(archive.read(f"pycountry/databases/{standard}.json")).values()
            rows = [] if table in empty else sorted([entry.get(name) for name in columns] for entry in entries)
            counts[table] = _fill(base, table, columns, rows)
    content = bytearray(path.read_bytes())
    content[_VERSION_OF_SQLITE] = bytes(4)
    path.write_bytes(content)
    tables = {table: {"count": count} for table, count in counts.items()}
    found = {"hash": hashlib.sha256(content).hexdigest(), "size": len(content), "file": path.name, "tables": tables}
    return {path.stem: found}


def _fill(base: sqlite3.Connection, table: str, columns: list[str], rows: list[list[str | None]]) -> int:
    base.execute(f"CREATE TABLE {table} ({', '.join(f'{name} TEXT' for name in columns)}, PRIMARY KEY ({columns[0]}))")
    marks = ", ".join("?" * len(columns))
    base.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  # names are TABLES' own
    return len(rows)
