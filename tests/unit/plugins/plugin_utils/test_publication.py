# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which releases are built, and what a store takes of them."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._publication import publication, releases

SHOP = {"service": "shop", "artifact": {"build": ["make"], "versions": ["1.0", "2.0"]}}
BOUGHT = {"service": "bought", "artifact": {"build": [], "versions": ["7"]}}


@pytest.mark.parametrize(
    ("contracts", "version", "built"),
    [
        pytest.param([SHOP, BOUGHT], "", ["shop 1.0", "shop 2.0"], id="all versions of services that have a recipe"),
        pytest.param([SHOP], "3.0", ["shop 3.0"], id="a version that the contract does not name"),
        pytest.param(
            [BOUGHT], "8", ["bought 8"], id="a service without recipe, by name: the build says what is missing"
        ),
        pytest.param([], "", [], id="no service"),
    ],
)
def test_releases(contracts, version, built):
    assert [f"{r['contract']['service']} {r['version']}" for r in releases(contracts, version)] == built


def test_a_version_needs_its_service():
    with pytest.raises(ValueError, match="of which service"):
        releases([SHOP, BOUGHT], "1.0")


def release(sha256, recipe="r1"):
    return {"manifest": {"sha256": sha256, "inputs": {"recipe": recipe}}}


def slurped(sha256, recipe="r1"):
    return {"content": base64.b64encode(json.dumps(release(sha256, recipe)["manifest"]).encode()).decode()}


GONE = {"msg": "file not found: manifest.json"}


@pytest.mark.parametrize(
    ("held", "replace", "missing", "differing"),
    [
        pytest.param(GONE, False, 1, 0, id="what the store doesn't hold is brought in"),
        pytest.param(slurped("aa"), False, 0, 0, id="what it holds stays"),
        pytest.param(slurped("aa", "r0"), False, 0, 0, id="the same content of an older recipe stays"),
        pytest.param(slurped("bb"), False, 0, 0, id="what other tools packed of the same recipe stays"),
        pytest.param(slurped("bb", "r0"), False, 0, 1, id="other content of another recipe is refused"),
        pytest.param(slurped("bb", "r0"), True, 1, 0, id="and replaced when that is asked for"),
        pytest.param(slurped("aa"), True, 0, 0, id="the same content is not replaced"),
    ],
)
def test_publication(held, replace, missing, differing):
    found = publication([release("aa")], [held], replace)
    assert (len(found["missing"]), len(found["differing"])) == (missing, differing)
