# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue, out of what podman 4.3 prints."""

from __future__ import annotations

import json

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman.images import Image, parse_images

LAB = "fleet-1a2b3c"
KEY = "0123456789abcdef"


def entry(
    name: str, labels: dict[str, str] | None = None, number: str = "1", at: str = "2026-11-21T12:00:00Z"
) -> dict[str, object]:
    return {"Id": number, "Names": [name], "CreatedAt": at, "Labels": labels}


def test_an_image_with_its_record_and_its_hosts() -> None:
    labels = {"golden.fleet.record": json.dumps({"base": "b"}), "golden.fleet.lab": LAB}
    containers = [{"Names": [f"{LAB}-web7"], "ImageID": "1"}, {"Names": [f"{LAB}-web8"], "ImageID": "2"}]
    found = parse_images(LAB, json.dumps([entry(f"localhost/{LAB}/shop:good-{KEY}", labels)]), json.dumps(containers))
    assert found == [Image("1", "shop", KEY, "good", "2026-11-21T12:00:00Z", {"base": "b"}, ("web7",))]


@pytest.mark.parametrize(
    "name",
    [
        f"localhost/fleet-other/shop:good-{KEY}",
        f"localhost/{LAB}/shop:latest",
        f"localhost/{LAB}/shop:good-xyz",
        f"docker.io/{LAB}/shop:good-{KEY}",
        "localhost/golden-fleet-base:bookworm-1",
    ],
)
def test_images_of_somebody_else(name: str) -> None:
    assert parse_images(LAB, json.dumps([entry(name)]), "[]") == []


def test_the_newest_comes_first_and_a_damaged_record_is_an_empty_one() -> None:
    listed = [
        entry(f"localhost/{LAB}/shop:good-{KEY}", {"golden.fleet.record": "{"}, "1", "2026-11-21T12:00:00Z"),
        entry(f"localhost/{LAB}/shop:bad-{KEY}", {"golden.fleet.record": "[]"}, "2", "2026-11-21T13:00:00Z"),
        entry(f"localhost/{LAB}/shop:candidate-{KEY}", None, "3", "2026-11-21T11:00:00Z"),
    ]
    found = parse_images(LAB, json.dumps(listed), "")
    assert [image.state for image in found] == ["bad", "good", "candidate"]
    assert [image.record for image in found] == [{}, {}, {}]
    assert parse_images(LAB, "", "") == []
