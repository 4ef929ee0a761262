# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# ruff: noqa: S101  # a pytest suite asserts
"""What must hold before customers reach a release; run against one member in the maintenance pool."""

from __future__ import annotations

import json
import os
import urllib.request

URL = os.environ["FLEET_URL"].rstrip("/")
VERSION = os.environ["FLEET_VERSION"]


def get(path):
    with urllib.request.urlopen(URL + path, timeout=10) as answer:  # noqa: S310  # the gate's own URL
        return answer.headers, answer.read().decode()


def rows_of(path):
    return json.loads(get(path)[1])


def test_the_release_is_the_one_that_was_rolled_out():
    headers, body = get("/-/release.json")
    assert json.loads(body) == {"service": "datasette", "version": VERSION}
    assert headers["X-Release"] == VERSION


def test_datasette_is_of_that_release():
    assert json.loads(get("/-/versions.json")[1])["datasette"]["version"] == VERSION.partition("+")[0]


def test_the_world_has_more_than_200_countries():
    ((count,),) = rows_of("/codes.json?sql=select+count(*)+from+countries&_shape=arrays")["rows"]
    assert count > 200


def test_a_country_is_found_by_its_code():
    (row,) = rows_of("/codes/countries/ES.json?_shape=objects")["rows"]
    assert (row["name"], row["alpha_3"], row["numeric"]) == ("Spain", "ESP", "724")


def test_a_table_can_be_searched():
    names = [row["name"] for row in rows_of("/codes/languages.json?name=Basque&_shape=array")]
    assert names == ["Basque"]


def test_the_page_of_a_table_shows_its_rows():
    headers, body = get("/codes/countries")
    assert headers["Content-Type"].startswith("text/html")
    assert "Afghanistan" in body
