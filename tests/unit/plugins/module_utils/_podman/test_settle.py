# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the catalogue in podman lets an image become."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman.images import Image
from ansible_collections.golden.fleet.plugins.modules.podman_image import result_of

KEY = "0123456789abcdef"


class Catalogue:
    """Images of one key; remembers what was settled out of what."""

    def __init__(self, *states: str) -> None:
        self.states, self.settled = states, []

    def found(self) -> list[Image]:
        return [Image(state, "shop", KEY, state, "2026-01-02T03:04:05Z") for state in self.states]

    def settle(self, service: str, key: str, state: str, record: dict[str, Any], was: str) -> None:
        assert (service, key, record) == ("shop", KEY, {"base": "b"})
        self.settled.append((was, state))


def settle(catalogue: Catalogue, state: str, check: bool = False) -> dict[str, Any]:
    params = {"service": "shop", "key": KEY, "state": state, "record": {"base": "b"}}
    return result_of(catalogue, params, check)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "state", "settled"),
    [
        pytest.param(["candidate"], "good", [("candidate", "good")], id="a candidate proves good"),
        pytest.param(["candidate"], "bad", [("candidate", "bad")], id="a candidate proves bad"),
        pytest.param(["good"], "bad", [("good", "bad")], id="what was good proves bad"),
        pytest.param(["bad"], "bad", [], id="it is so already"),
        pytest.param(["good"], "good", [], id="it is good already"),
    ],
)
def test_what_an_image_becomes(there: list[str], state: str, settled: list[tuple[str, str]]) -> None:
    catalogue = Catalogue(*there)
    result = settle(catalogue, state)
    assert catalogue.settled == settled
    assert result["changed"] is bool(settled)
    assert result["images"] == [f"shop:{state}-{KEY}"]


def test_what_is_bad_is_never_good_again() -> None:
    with pytest.raises(ValueError, match="there is no candidate"):
        settle(Catalogue("bad"), "good")


def test_check_mode_tells_and_settles_nothing() -> None:
    catalogue = Catalogue("good")
    assert settle(catalogue, "bad", check=True)["changed"] is True
    assert catalogue.settled == []
