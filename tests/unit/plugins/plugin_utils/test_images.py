# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is baked, launched from and removed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _images
from ansible_collections.golden.fleet.plugins.plugin_utils._images import ImageError

CONTRACT = {"service": "shop", "release": {"keep_good": 3}}


def release(version: str, state: str = "good") -> dict[str, str]:
    return {"version": version, "sha256": f"sha-{version}", "state": state}


def found(active: str, *good: str, bad: tuple[str, ...] = ()) -> dict[str, Any]:
    releases = [*(release(version) for version in good), *(release(version, "bad") for version in bad)]
    return {"reachable": True, "active": active, "releases": releases}


def image(key: str, state: str = "good", used_by: tuple[str, ...] = (), **record: Any) -> dict[str, Any]:
    return {
        "id": key, "image": f"shop:{state}-{key}", "service": "shop", "key": key, "state": state,
        "made_at": "2026-01-02T03:04:05Z", "used_by": list(used_by), "record": record,
    }  # fmt: skip


def versions(releases: list[dict[str, str]]) -> list[str]:
    return [one["version"] for one in releases]


@pytest.mark.parametrize(
    ("members", "version", "carried"),
    [
        ([found("2", "1", "2")], "", ["2", "1"]),
        ([found("4", "1", "2", "3", "4")], "", ["4", "3", "2"]),
        ([found("1", "1", "2")], "", ["1", "2"]),  # after a rollback the newer one is a way forward
        ([found("2", "1", "2")], "1", ["1", "2"]),
        ([found("2", "1", "2"), found("2", "2")], "", ["2"]),
        ([found("2", "1", "2"), {"reachable": False}], "", ["2", "1"]),
        ([found("2", "1", "2", bad=("3",))], "", ["2", "1"]),
    ],
)
def test_releases_that_an_image_carries(members: list[dict[str, Any]], version: str, carried: list[str]) -> None:
    answers = {f"web{number}": answer for number, answer in enumerate(members)}
    assert versions(_images.releases_for(answers, CONTRACT, version)) == carried


def test_a_release_that_is_to_be_proven_by_the_image_itself_goes_before_the_ways_back() -> None:
    answers = {"web1": found("2", "1", "2"), "web2": found("2", "1", "2", bad=("0",))}
    assert _images.releases_for(answers, CONTRACT, "3", "abc") == [
        {"version": "3", "sha256": "abc"},
        {"version": "2", "sha256": "sha-2"},
        {"version": "1", "sha256": "sha-1"},
    ]
    assert _images.releases_for(answers, CONTRACT, "1", "abc")[0]["sha256"] == "sha-1", "as the members were given it"
    assert _images.releases_for({}, CONTRACT, "1", "abc") == [{"version": "1", "sha256": "abc"}]


@pytest.mark.parametrize(
    ("members", "version", "message"),
    [
        ([], "", "none of its members can be reached"),
        ([{"reachable": False}], "", "none of its members can be reached"),
        ([found("2", "2"), found("1", "1", "2")], "", "web0 runs 2, web1 runs 1"),
        ([found("2", "1")], "", r"shop 2 was not proven good on every member; good on all of them: 1"),
        ([found("2", "2")], "3", "shop 3 was not proven good"),
        ([found("", "2")], "", "shop nothing was not proven good"),
    ],
)
def test_releases_that_no_image_can_carry(members: list[dict[str, Any]], version: str, message: str) -> None:
    answers = {f"web{number}": answer for number, answer in enumerate(members)}
    with pytest.raises(ImageError, match=message):
        _images.releases_for(answers, CONTRACT, version)


def test_one_version_with_two_checksums_is_not_the_same_release() -> None:
    other = found("2", "2")
    other["releases"][0]["sha256"] = "another"
    with pytest.raises(ImageError, match="good on all of them: none"):
        _images.releases_for({"web1": found("2", "2"), "web2": other}, CONTRACT)


FAILED = {"message": "no health\nand more"}
INPUTS = {"base image": "b1", "roles/shop/tasks/main.yml": "x"}


@pytest.mark.parametrize(
    ("images", "act", "why"),
    [
        ([], "bake", "there is no good image of it yet"),
        ([image("k")], "keep", "nothing that goes into it has changed"),
        ([image("k", "candidate")], "prove", "an earlier bake was cut off before its proof"),
        ([image("k", "bad", proof=FAILED)], "bake", "the last one of the same inputs was bad: no health"),
        ([image("k", "bad"), image("k")], "keep", "nothing that goes into it has changed"),
        ([image("j", inputs={**INPUTS, "base image": "b0"})], "bake", "base image is changed"),
        ([image("j", inputs={"base image": "b1"})], "bake", "roles/shop/tasks/main.yml is new"),
        ([image("j", inputs={**INPUTS, "old": "1"})], "bake", "old is gone"),
        ([image("j", "bad", inputs=INPUTS)], "bake", "there is no good image of it yet"),
    ],
)  # fmt: skip
def test_plan(images: list[dict[str, Any]], act: str, why: str) -> None:
    assert _images.plan(images, {"key": "k", "inputs": INPUTS}) == {"act": act, "why": [why]}


def test_a_candidate_that_nothing_could_prove_for_long_is_made_anew() -> None:
    wanted = {"key": "k", "inputs": INPUTS}
    assert _images.plan([image("k", "candidate")], wanted, "2026-01-02T03:04:05Z")["act"] == "prove"
    told = {"act": "bake", "why": ["an earlier bake left one that was never proven"]}
    assert _images.plan([image("k", "candidate")], wanted, "2026-01-02T03:04:06Z") == told


def seen(pool: str = "online", rollout: str = "") -> dict[str, Any]:
    return {"pool": pool, "lease": {"rollout": rollout} if rollout else None}


@pytest.mark.parametrize(
    ("members", "chosen"),
    [
        ([seen(), seen()], "web0"),
        ([seen("down"), seen()], "web1"),
        ([seen(), seen("maintenance", "shop-bake-0123")], "web1"),
        ([seen("maintenance", "shop-2-20260101T000000Z"), seen()], "web1"),
        ([seen("online", "shop-2-20260101T000000Z"), seen()], "web1"),
    ],
)
def test_the_member_that_an_image_is_made_from(members: list[dict[str, Any]], chosen: str) -> None:
    pool = {"members": {f"web{number}": member for number, member in enumerate(members)}}
    runs = {name: found("2", "2") for name in pool["members"]}
    contract = {**CONTRACT, "members": list(runs)}
    assert _images.member_for(runs, contract, pool, "2") == chosen
    with pytest.raises(ImageError, match="no member that runs 3 is online"):
        _images.member_for(runs, contract, pool, "3")


UP = {"state": "running", "failed_units": []}
DEGRADED = {"state": "degraded", "failed_units": ["a.service", "b.service"]}
PASSED = {"passed": True, "msg": "bake passed health"}


@pytest.mark.parametrize(
    ("host", "gates", "suite", "passed", "message"),
    [
        (UP, PASSED, {"rc": 0, "stdout": "...\n5 passed in 2s\n\n"}, True, "bake passed health; 5 passed in 2s"),
        (UP, PASSED, {"rc": 1, "stdout": "F\n\n1 failed"}, False, "F\n1 failed"),
        (UP, {"passed": False, "msg": "no health"}, {"skipped": True}, False, "no health"),
        (DEGRADED, {"skipped": True}, {"skipped": True}, False,
         "systemd is degraded on it; failed: a.service, b.service"),
    ],
)  # fmt: skip
def test_proof(host: Any, gates: Any, suite: Any, passed: bool, message: str) -> None:
    assert _images.proof(host, gates, suite) == {"passed": passed, "message": message}


def test_what_is_removed() -> None:
    images = [
        image("6", "candidate"), image("5", "bad"), image("4"), image("3"), image("2", used_by=("web7",)),
        image("1"), image("0", "bad"), image("00", "bad", used_by=("bake-shop",)),
    ]  # fmt: skip
    assert [one["key"] for one in _images.to_remove(images, keep=2)] == ["6", "1", "0"]
    assert _images.to_remove([], keep=2) == []
    assert [one["key"] for one in _images.to_remove(images, 2, "2026-01-02T03:04:05Z")] == ["1", "0"]


def test_the_table_says_what_is_stale_and_why_one_is_bad() -> None:
    lines = _images.table(
        [image("a", releases=[release("2"), release("1")], base="b1"), image("b", "bad", proof=FAILED)],
        "b2",
    )
    assert len(lines) == 3
    assert "stale" in lines[1]
    assert lines[2].endswith("no health")


def test_package_changes() -> None:
    older, newer = (
        image("1", packages={"a": "1", "b": "1", "c": "1"}),
        image("2", packages={"a": "1", "b": "2", "d": "1"}),
    )
    assert _images.package_changes(older, newer) == ["~ b 1 -> 2", "- c 1", "+ d 1"]
    assert _images.parse_packages("nginx\t1.22\nadduser\t3\n\n") == {"nginx": "1.22", "adduser": "3"}


def of(version: str, key: str, state: str = "good", sha256: str = "") -> dict[str, Any]:
    return image(key, state, releases=[{"version": version, "sha256": sha256 or f"sha-{version}"}])


@pytest.mark.parametrize(
    ("members", "chosen", "never", "why"),
    [
        pytest.param([found("2", "1", "2")], "shop:good-22", [], "launched from 22, of 2", id="the release that runs"),
        pytest.param([found("1", "1", "2")], "shop:good-11", [], "launched from 11, of 1", id="after a rollback"),
        pytest.param(
            [found("1", "1", bad=("2",)), found("1", "1", "2")],
            "shop:good-11",
            ["shop:good-22", "shop:good-21"],
            "launched from 11, of 1",
            id="after a rollback from a bad one",
        ),
        pytest.param(
            [found("0", "0", bad=("2",))],
            "",
            ["shop:good-22", "shop:good-21"],
            "there is no good image of 0",
            id="no image of it",
        ),
        pytest.param(
            [found("2", bad=("2",))], "", ["shop:good-22", "shop:good-21"], "no good image of 2", id="bad, and runs"
        ),
        pytest.param(
            [found("1", "1", "2"), found("2", "1", "2"), {"reachable": False}],
            "",
            [],
            "members run different releases (1, 2)",
            id="in the middle of a rollout",
        ),
        pytest.param([found("", "1")], "", [], "there is no good image of nothing", id="nothing runs"),
    ],
)
def test_what_is_launched_from(members: list[dict[str, Any]], chosen: str, never: list[str], why: str) -> None:
    images = [
        of("2", "22"),
        of("2", "21"),
        of("1", "12", "candidate"),
        of("1", "10", sha256="other"),
        of("1", "11"),
        image("0"),
    ]
    answer = _images.to_launch(images, {f"web{number}": answer for number, answer in enumerate(members)})
    assert (answer["image"], answer["never"]) == (chosen, never)
    assert why in answer["why"]


def test_a_bad_image_is_never_launched_from() -> None:
    answer = _images.to_launch([of("1", "13", "bad"), of("1", "11")], {"web1": found("1", "1")})
    assert (answer["image"], answer["never"]) == ("shop:good-11", ["shop:bad-13"])


def test_what_is_launched_from_is_not_guessed() -> None:
    with pytest.raises(ImageError, match="none of the members can be reached"):
        _images.to_launch([of("1", "11")], {"web1": {"reachable": False}})


@pytest.mark.parametrize(
    ("pinned", "version", "chosen"),
    [
        pytest.param("shop:good-11", "", "shop:good-12", id="a newer image of the release that it is at"),
        pytest.param("shop:bad-13", "", "shop:good-12", id="a good one of the same release"),
        pytest.param("shop:good-11", "2", "shop:good-21", id="of the release that was asked for"),
        pytest.param("", "", "shop:good-21", id="the newest one for a group that was never pinned"),
        pytest.param("ami-by-hand", "1", "shop:good-12", id="from somebody's own to one of the catalogue"),
    ],
)
def test_what_a_group_is_launched_from(pinned: str, version: str, chosen: str) -> None:
    images = [of("2", "21"), of("1", "13", "bad"), of("1", "12"), of("1", "11")]
    answer = _images.for_group(images, pinned, version)
    assert (answer["problem"], answer["image"]) == ("", chosen)


@pytest.mark.parametrize(
    ("pinned", "version", "problem"),
    [
        pytest.param("ami-by-hand", "", "which the catalogue doesn't know", id="somebody's own"),
        pytest.param("shop:bad-13", "", r"no good image of 3 \(there are of: 1\)", id="no good one of it"),
        pytest.param("", "9", "no good image of 9", id="of an unknown release"),
    ],
)
def test_without_an_image_for_a_group_it_is_told_why(pinned: str, version: str, problem: str) -> None:
    images = [of("3", "13", "bad"), of("1", "11")]
    assert re.search(problem, _images.for_group(images, pinned, version)["problem"])
