# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which release a service whose hosts are replaced goes back to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._way_back import NoWayBackError, choose

SERVICE = "shop"


def member(version: str, recorded: str = "online", kept: bool = False, lease: Any = None) -> dict[str, Any]:
    keeping = {"version": version, "until": 3600.0, "expired": False} if kept else None
    one = {"recorded": "maintenance" if kept else recorded}
    return {"version": version, "kept": keeping, "lease": lease, "balancers": {"lb1": one}}


def image(version: str, day: int, state: str = "good") -> dict[str, Any]:
    made_at = f"2026-01-{day:02}T00:00:00Z"
    return {"key": f"k{version}", "state": state, "made_at": made_at, "record": {"releases": [{"version": version}]}}


def found(**days: int | str) -> dict[str, Any]:
    """The releases of one member: by version the day of the proof, or ``bad``."""
    releases = [
        {"version": name[1:], "state": "bad", "good_at": None}
        if day == "bad"
        else {"version": name[1:], "state": "good", "good_at": f"2026-01-{day:02}T00:00:00.5Z"}
        for name, day in days.items()
    ]
    return {"web1": {"releases": releases}}


def back(members: dict[str, Any], images: Any = (), releases: Any = None, asked: str = "") -> dict[str, Any]:
    return choose(SERVICE, asked, releases or {}, {"members": members}, list(images))


SERVE_2 = {"a": member("2"), "b": member("2")}
KEPT_1 = {"c": member("1", kept=True), "d": member("1", kept=True)}


def test_hosts_that_are_kept_are_a_way_back() -> None:
    assert back(SERVE_2 | KEPT_1, releases=found(v1=1, v2=2)) == {"version": "1", "left": ["2"]}


def test_so_are_those_that_a_dead_rollback_was_bringing_back() -> None:
    leased = {"c": member("1", kept=True, lease={"number": 1}), "d": member("1", kept=True)}
    assert back(SERVE_2 | leased, releases=found(v1=1, v2=2))["version"] == "1"


def test_so_is_a_good_image_the_newest_older_one() -> None:
    images = [image("3", 9), image("2", 8), image("1", 7), image("0", 6)]
    assert back(SERVE_2, images)["version"] == "1"


def test_what_was_left_by_a_rollback_is_newer_and_only_had_by_its_name() -> None:
    serve_1 = {"a": member("1"), "b": member("2", kept=True)}
    images = [image("2", 8), image("1", 7)]
    with pytest.raises(NoWayBackError, match=re.escape("older than 1; can be had by naming it: 2 (1 hosts kept until")):
        back(serve_1, images)
    assert back(serve_1, images, asked="2") == {"version": "2", "left": ["1"]}


def test_an_image_that_is_made_anew_makes_no_release_newer() -> None:
    assert back(SERVE_2, [image("1", 20), image("2", 8)], found(v1=1, v2=2))["version"] == "1"


def test_half_way_between_two_the_older_one_is_meant_whoever_died() -> None:
    both = {"a": member("2"), "b": member("1"), "c": member("1", kept=True)}
    assert back(both, releases=found(v1=1, v2=2)) == {"version": "1", "left": ["2"]}


@pytest.mark.parametrize(
    ("asked", "images", "releases", "said"),
    [
        ("9", [image("1", 1)], {}, "no host of it is kept, and there is no image of it; can be had: 1 (the image k1)"),
        ("1", [image("1", 1)], found(v1="bad"), "it was marked bad; can be had: nothing"),
        ("1", [image("1", 1, "bad")], {}, "no host of it is kept, and its image is bad; can be had: nothing"),
        ("", [image("2", 1)], {}, "has neither hosts kept aside nor a good image of a release older than 2"),
    ],
)
def test_a_refusal_lists_what_can_be_had(asked: str, images: Any, releases: Any, said: str) -> None:
    with pytest.raises(NoWayBackError, match=re.escape(said)):
        back(SERVE_2, images, releases, asked)


def test_a_bad_release_is_no_way_back_though_its_hosts_are_kept() -> None:
    with pytest.raises(NoWayBackError, match="can be had by naming it: nothing"):
        back(SERVE_2 | KEPT_1, releases=found(v1="bad", v2=2))
