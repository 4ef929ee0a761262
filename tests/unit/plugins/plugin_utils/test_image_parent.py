# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When an image is made from the newest good one, and when from a bare host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._image_parent import MOST_PARENTS, parent_for

TEMPLATE, TASKS = "roles/shop/templates/app.service.j2", "roles/shop/tasks/main.yml"
BARE: dict[str, Any] = {"image": "", "parents": []}
FROM_IT = {"image": "shop:good-j", "parents": ["j"]}


def releases(*versions: str) -> list[dict[str, str]]:
    """The active one first."""
    return [{"version": version, "sha256": f"sha-{version}"} for version in versions]


def inputs(*versions: str, **other: str) -> dict[str, str]:
    told = {"base image": "b", "contract": "c", "variables": "v", TEMPLATE: "1", TASKS: "1", "images/clean": "1"}
    told |= {f"release {one['version']}": one["sha256"] for one in releases(*versions)}
    return {**told, "active release": versions[0], **other}


def image(key: str, state: str = "good", carries: tuple[str, ...] = ("2", "1"), **record: Any) -> dict[str, Any]:
    return {
        "image": f"shop:{state}-{key}", "key": key, "state": state,
        "record": {"releases": releases(*carries), "inputs": inputs(*carries), **record},
    }  # fmt: skip


def parent(images: list[dict[str, Any]], carries: tuple[str, ...] = ("2", "1"), **changed: str) -> dict[str, Any]:
    wanted = {"key": "k", "inputs": inputs(*carries, **changed)}
    return parent_for(images, wanted, releases(*carries))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({TEMPLATE: "2"}, FROM_IT, id="a template is rendered over what was there"),
        pytest.param({TASKS: "2"}, BARE, id="a task that is gone would leave what it did"),
        pytest.param({TEMPLATE: "2", TASKS: "2"}, BARE, id="both"),
        pytest.param({"roles/shop/templates/new.j2": "1"}, BARE, id="a template that is new, or had another name"),
        pytest.param({"roles/shop/files/templates/app.sh": "1"}, BARE, id="a file that may be run"),
        pytest.param({"variables": "w"}, BARE, id="a variable may be the name of a file"),
        pytest.param({"contract": "d"}, BARE, id="so may what the contract says"),
        pytest.param({"base image": "c"}, BARE, id="another base"),
        pytest.param({"images/clean": "2"}, BARE, id="what makes images"),
    ],
)
def test_by_what_has_changed(changed: dict[str, str], expected: dict[str, Any]) -> None:
    assert parent([image("j")], **changed) == expected


def test_a_template_that_is_gone_would_stay() -> None:
    last = image("j")
    last["record"]["inputs"]["roles/shop/templates/gone.j2"] = "1"
    assert parent([last]) == BARE


@pytest.mark.parametrize(
    ("carried", "wanted", "expected"),
    [
        pytest.param(("2", "1"), ("3", "2", "1"), FROM_IT, id="one more"),
        pytest.param(("2", "1"), ("3", "2"), FROM_IT, id="one more, the oldest goes"),
        pytest.param(("2", "1"), ("1", "2"), BARE, id="back: they were proven in another order"),
        pytest.param(("2", "1"), ("1", "0"), BARE, id="back: an older one would come to be the newest"),
        pytest.param(("2", "1"), ("2",), BARE, id="the only way back is never pruned"),
        pytest.param(("1",), ("2",), BARE, id="nor when another one comes"),
    ],
)
def test_by_the_releases(carried: tuple[str, ...], wanted: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert parent([image("j", carries=carried)], carries=wanted) == expected


def test_another_artifact_under_the_same_name_is_another_release() -> None:
    last = image("j")
    last["record"]["releases"][0]["sha256"] = last["record"]["inputs"]["release 2"] = "other"
    assert parent([last]) == BARE


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([], id="none"),
        pytest.param([image("j", "bad"), image("h", "candidate")], id="none that is good"),
        pytest.param([image("j", **{"from": "web1"})], id="a member's copy"),
        pytest.param([image("j", inputs={})], id="nothing is known of it"),
        pytest.param([image("k", "bad"), image("j")], id="one of the same inputs was bad"),
        pytest.param([image("j", parents=list("abcde"))], id="enough layers"),
    ],
)
def test_by_the_images_that_there_are(images: list[dict[str, Any]]) -> None:
    assert parent(images, **{TEMPLATE: "2"}) == BARE


def test_it_descends_from_all_before() -> None:
    before = [str(number) for number in range(MOST_PARENTS - 1)]
    assert parent([image("j", parents=before)], **{TEMPLATE: "2"})["parents"] == [*before, "j"]
