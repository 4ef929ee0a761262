# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who comes and who goes when a service is scaled."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.filter.scale import scale_group
from ansible_collections.golden.fleet.plugins.plugin_utils import _scale

SERVICE = "swagger_ui"
WEBS = ["web1", "web2", "web3"]
ZONES = {"web1": "a", "web2": "b", "web3": "a"}


def contract(service: str = SERVICE, first_port: int = 18200, **pool: Any) -> dict[str, Any]:
    return {
        "service": service,
        "folder": f"roles/{service}",
        "members": list(WEBS),
        "listen": {"port": first_port - 10000, "preview_port": 0},
        "release": {"root": f"/srv/{service}"},
        "windows": {},
        "pool": {"maintenance_port": first_port, "domain": f"{service}.test", "floor": "60%", **pool},
        "scale": {"replacements": "25%"},
    }


def member(version: str | None = "2", pool: str = "online", recorded: str | None = "online") -> dict[str, Any]:
    seen = {"version": version, "recorded": recorded}
    return {"pool": pool, "lease": None, "balancers": {"lb1": seen, "lb2": seen}}


def host(number: int, zone: str = "a", image: str = "good-2") -> dict[str, Any]:
    return {"name": f"swagger-ui-{number}", "zone": zone, "state": "running", "image": image}


def image(version: str, state: str = "good") -> dict[str, Any]:
    return {"image": f"{state}-{version}", "state": state, "record": {"releases": [{"version": version}]}}


def plan(count: Any, hosts: Any = (), images: Any = (), serving: Any = (), others: Any = (), **pool: Any) -> Any:
    members = {name: member() for name in WEBS} | {f"swagger-ui-{n}": member() for n in serving} | dict(others)
    mine = contract(**pool)
    mine["members"] = [*WEBS, *(one["name"] for one in hosts)]
    found = {
        "pool": {"members": members, "unreachable_balancers": []},
        "hosts": list(hosts),
        "images": list(images or [image("2")]),
        "zones": {**ZONES, **{one["name"]: one["zone"] for one in hosts}},
    }
    return _scale.plan([mine, contract("datasette", 18900)], SERVICE, count, found)


def names(hosts: Any) -> list[str]:
    return [one["name"] for one in hosts]


@pytest.mark.parametrize(
    ("count", "problem"),
    [
        pytest.param("many", "count is 'many' and not a number of members", id="no number"),
        pytest.param(0, "0 is below its floor of 3", id="none"),
        pytest.param(2, "2 is below its floor of 3", id="below the floor"),
        pytest.param(3, "none could ever be taken out, so no rollout could change them", id="at the floor"),
    ],
)
def test_what_a_group_may_not_have_is_told(count: Any, problem: str) -> None:
    assert problem in scale_group(contract(floor=3), count)["problem"]


def test_a_group_needs_no_hosts_of_the_inventory() -> None:
    assert scale_group(contract(floor=3), " 4 ") == {"problem": "", "count": 4}


def test_new_hosts_go_where_the_fewest_are() -> None:
    planned = plan(7)
    assert planned["launch"] == [
        {"name": "swagger-ui-1", "zone": "b"},
        {"name": "swagger-ui-2", "zone": "a"},
        {"name": "swagger-ui-3", "zone": "b"},
        {"name": "swagger-ui-4", "zone": "a"},
    ]
    assert (planned["image"], planned["version"], planned["replacements"]) == ("good-2", "2", 1)
    assert (planned["dismiss"], planned["remove"], planned["idle"]) == ([], [], False)


def test_what_a_killed_run_left_is_used_first_where_it_is_of_the_image() -> None:
    planned = plan(6, hosts=[host(4), host(5, image="good-1"), host(6)], serving=[4])
    assert names(planned["launch"]) == ["swagger-ui-6", "swagger-ui-7"]
    assert planned["remove"] == ["swagger-ui-5"]


def test_numbers_that_a_balancer_still_knows_are_not_given_again() -> None:
    planned = plan(4, others={"swagger-ui-9": member(pool="out", recorded="gone")})
    assert names(planned["launch"]) == ["swagger-ui-10"]
    assert planned["dismiss"] == []


def test_the_newest_of_the_fullest_zone_goes_first() -> None:
    hosts = [host(1, "a"), host(2, "b"), host(3, "a"), host(4, "b"), host(5, "b")]
    planned = plan(5, hosts=hosts, serving=[1, 2, 3, 4, 5])
    assert planned["dismiss"] == planned["remove"] == ["swagger-ui-5", "swagger-ui-3", "swagger-ui-4"]


def test_who_serves_nobody_goes_before_who_serves() -> None:
    lost = {"swagger-ui-7": member(pool="down")}
    planned = plan(4, hosts=[host(1), host(2, "b"), host(3)], serving=[1, 2], others=lost)
    assert planned["dismiss"] == ["swagger-ui-7", "swagger-ui-1"]
    assert planned["remove"] == ["swagger-ui-3", "swagger-ui-1"]


def kept(expired: bool = False) -> dict[str, Any]:
    """A member that is kept aside from an earlier release."""
    return {**member("1", "maintenance", "maintenance"), "kept": {"version": "1", "until": 0.0, "expired": expired}}


def test_who_is_kept_aside_is_no_member_and_stays_for_its_time() -> None:
    hosts = [host(1, image="good-1"), host(2), host(3), host(4)]
    others = {"web1": kept(), "web2": kept(expired=True), "web3": kept(), "swagger-ui-1": kept()}
    planned = plan(3, hosts=hosts, serving=[2, 3, 4], others=others)
    assert (planned["now"], planned["idle"]) == (3, True)
    planned = plan(4, hosts=hosts, serving=[2, 3, 4], others=others)
    assert planned["launch"] == [{"name": "swagger-ui-5", "zone": "a"}]
    assert planned["spare_from"] == 6


def test_launched_hosts_that_were_kept_long_enough_are_removed_those_of_the_inventory_never() -> None:
    others = {"swagger-ui-1": kept(expired=True), "web1": kept(expired=True)}
    planned = plan(3, hosts=[host(1, image="good-1"), host(2)], serving=[2], others=others)
    assert planned["dismiss"] == planned["remove"] == ["swagger-ui-1"]


def test_after_a_rollback_hosts_come_from_the_image_of_the_release_that_was_gone_back_to() -> None:
    """With the newer release's hosts kept aside, and its image good and newer."""
    left = {f"swagger-ui-{number}": {**kept(), "version": "3"} for number in (1, 2)}
    planned = plan(
        4, hosts=[host(1, image="good-3"), host(2, image="good-3")], images=[image("3"), image("2")], others=left
    )
    assert (planned["image"], planned["version"]) == ("good-2", "2")
    assert names(planned["launch"]) == ["swagger-ui-3"]


def test_a_second_run_has_nothing_to_do() -> None:
    planned = plan(4, hosts=[host(1)], serving=[1])
    assert planned["idle"] is True
    assert _scale.table(SERVICE, planned)[-1] == "nothing is to do"


def test_the_image_is_that_of_the_release_that_serves_never_a_newer_one_that_was_left() -> None:
    assert plan(4, images=[image("3"), image("2", "bad"), image("2")])["image"] == "good-2"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"count": "many"}, "'many' and not a number"),
        ({"count": "-3"}, "'-3' and not a number"),
        ({"count": ""}, "not a number"),
        ({"count": 2}, "fewer than its 3 hosts of the inventory"),
        ({"count": 4, "floor": 5}, "4 is below its floor of 5"),
        ({"count": 5, "floor": 5}, "none could ever be taken out"),
        ({"count": 4, "images": [image("3")]}, "no good image of 2, which its members serve (there are of: 3)"),
        ({"count": 4, "others": {"web3": member("1")}}, "its members serve 1, 2; roll one out"),
        ({"count": 4, "others": {name: member(None) for name in WEBS}}, "no rollout has brought it a release yet"),
        ({"count": 701}, "can't have 701 members"),
        ({"count": 50000}, "65535 is the last"),
    ],
)
def test_what_can_not_be_done_is_refused_with_the_way_out(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(_scale.ScaleError, match=re.escape(said)):
        plan(**asked)


def test_a_balancer_out_of_reach_stops_it_before_anything_is_touched() -> None:
    found = {
        "pool": {"members": {}, "unreachable_balancers": ["lb2: no route"]},
        "hosts": [],
        "images": [],
        "zones": {},
    }
    with pytest.raises(_scale.ScaleError, match="lb2: no route"):
        _scale.plan([contract()], SERVICE, 3, found)


def test_the_outcome_names_the_times_and_what_is_missing() -> None:
    planned = {"wanted": 5, "replacements": 1}
    grown = {"joined": {"a-1": 3.0, "a-2": 9.0}, "replaced": {"a-3": "no boot"}, "missing": {"a-4": "no disk"}}
    said = _scale.outcome(SERVICE, planned, grown)
    assert said["lines"][0] == "swagger_ui: 2 joined, p50 9 s, p99 9 s from launch to pool"
    assert "a-3: no boot" in said["lines"][1]
    assert "1 of the 5 members wanted are missing" in said["failure"]
    assert _scale.outcome(SERVICE, planned, {}) == {"lines": [], "failure": ""}
