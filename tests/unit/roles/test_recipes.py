# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure parts of the example services' recipes."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sqlite3
import zipfile

import pytest

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"


def load(path):
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROLES / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel(tmp_path):
    database = load("datasette/artifact/database")
    with zipfile.ZipFile(tmp_path / "pycountry.whl", "w") as archive:
        for standard, columns in database.TABLES.values():
            entries = [{name: f"{key} {name}" for name in columns[:2]} for key in ("b", "a")]
            archive.writestr(f"pycountry/databases/{standard}.json", json.dumps({"x": entries}))
    return tmp_path / "pycountry.whl"


def test_the_database_holds_each_standard_in_order_and_is_the_same_each_time(wheel, tmp_path):
    database = load("datasette/artifact/database")
    found = [database.make(wheel, tmp_path / f"{name}.db")[name] for name in ("one", "two")]
    assert (tmp_path / "one.db").read_bytes() == (tmp_path / "two.db").read_bytes()
    assert found[0]["hash"] == found[1]["hash"]
    assert {table: facts["count"] for table, facts in found[0]["tables"].items()} == dict.fromkeys(database.TABLES, 2)
    rows = sqlite3.connect(tmp_path / "one.db").execute("SELECT alpha_2, alpha_3, name FROM countries").fetchall()
    assert rows == [("a alpha_2", "a alpha_3", None), ("b alpha_2", "b alpha_3", None)]


def test_a_broken_release_has_no_countries(wheel, tmp_path):
    tables = load("datasette/artifact/database").make(wheel, tmp_path / "codes.db", empty=["countries"])["codes"][
        "tables"
    ]
    assert {table for table, facts in tables.items() if not facts["count"]} == {"countries"}


def test_the_newest_ui_of_a_bundle_is_taken(tmp_path):
    for version in ("2.2.10", "3.52.0", "3.9.1"):
        (tmp_path / f"swagger-ui-{version}").mkdir()
    assert load("swagger_ui/artifact/build").newest_ui(tmp_path).name == "swagger-ui-3.52.0"
