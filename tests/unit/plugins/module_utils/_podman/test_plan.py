# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of each container of a lab: from podman's own output to the steps."""

from __future__ import annotations

import json

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import (
    Found,
    Network,
    Step,
    mac_address,
    parse_containers,
    parse_network,
    plan_hosts,
    recipe_of,
)

SUBNET = "10.89.0.0/22"
RECIPE = "localhost/golden-fleet-base:bookworm-a44e8f11b683 +SYS_ADMIN"
ADDRESS = "10.89.0.10"


def entry(name: str, **changed: object) -> dict[str, object]:
    """One entry of ``podman ps --all --external --format json``, as podman 4.3 prints it, shortened."""
    return {
        "Id": "a8c5d8a83bd21889599edc4566c9e29c966df97af38b38bf370cbaae1193dcd5",
        "Labels": {"golden.fleet.address": ADDRESS, "golden.fleet.lab": "lab", "golden.fleet.recipe": RECIPE},
        "Names": [name],
        "Networks": ["lab"],
        "Pid": 20852,
        "State": "running",
        **changed,
    }


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([entry("lab-web1")], [Found("web1", "running", 20852, ADDRESS, RECIPE)], id="a host that runs"),
        pytest.param(
            [entry("lab-web1", Labels=None, State="unknown", Pid=0)], [Found("web1", "unknown")], id="half gone"
        ),
        pytest.param([entry("other-web1")], [], id="another lab's"),
        pytest.param(
            [entry("lab-2-web1", Labels={"golden.fleet.lab": "lab-2"})],
            [],
            id="a lab's whose name begins like this one's",
        ),
        pytest.param([entry("", Names=None)], [], id="one without a name"),
    ],
)
def test_parse_containers(entries: list[dict[str, object]], found: list[Found]) -> None:
    assert list(parse_containers("lab", json.dumps(entries)).values()) == found


def test_no_containers() -> None:
    assert parse_containers("lab", "") == {}


@pytest.mark.parametrize(
    ("lab", "network"),
    [
        pytest.param("lab", Network("10.89.4.0/22", "10.89.4.1"), id="the lab's own"),
        pytest.param("podman", None, id="one without subnets"),
        pytest.param("other", None, id="none"),
    ],
)
def test_parse_network(lab: str, network: Network | None) -> None:
    text = json.dumps(
        [
            {"name": "podman", "driver": "bridge", "subnets": None},
            {"name": "lab", "driver": "bridge", "subnets": [{"subnet": "10.89.4.0/22", "gateway": "10.89.4.1"}]},
        ]
    )
    assert parse_network(lab, text) == network


@pytest.mark.parametrize(
    ("was", "alive", "act"),
    [
        pytest.param(None, False, "create", id="missing"),
        pytest.param(Found("web1", "running", 1, ADDRESS, RECIPE), True, "keep", id="running"),
        pytest.param(
            Found("web1", "running", 1, ADDRESS, RECIPE), False, "replace", id="its watcher and its init killed"
        ),
        pytest.param(Found("web1", "paused", 1, ADDRESS, RECIPE), True, "unpause", id="paused"),
        pytest.param(Found("web1", "exited", 0, ADDRESS, RECIPE), False, "start", id="stopped"),
        pytest.param(Found("web1", "created", 0, ADDRESS, RECIPE), False, "start", id="created, never started"),
        pytest.param(Found("web1", "removing", 0, ADDRESS, RECIPE), False, "replace", id="killed while it was removed"),
        pytest.param(Found("web1", "", 0), False, "replace", id="only its storage is left"),
        pytest.param(Found("web1", "running", 1, ADDRESS, "older"), True, "replace", id="made from an older image"),
        pytest.param(Found("web1", "running", 1, "10.88.0.7", RECIPE), True, "replace", id="of a network that is gone"),
    ],
)
def test_one_host(was: Found | None, alive: bool, act: str) -> None:
    found = {"web1": was} if was else {}
    (step,) = plan_hosts(found, ["web1"], recipe=RECIPE, subnet=SUBNET, alive={"web1": alive})
    assert (step.host, step.act, step.address) == ("web1", act, ADDRESS)
    assert (step.why == "") == (act == "keep")


def test_addresses_are_kept_and_free_ones_given_out() -> None:
    found = {
        "web2": Found("web2", "running", 1, "10.89.0.11", RECIPE),
        "web9": Found("web9", "running", 1, "10.89.0.12", RECIPE),
    }
    steps = plan_hosts(
        found, ["web1", "web2", "web3"], recipe=RECIPE, subnet=SUBNET, alive={"web2": True, "web9": True}
    )
    assert steps == [
        Step("web9", "remove", why="no longer wanted"),
        Step("web1", "create", "10.89.0.10", "not there"),
        Step("web2", "keep", "10.89.0.11"),
        Step("web3", "create", "10.89.0.13", "not there"),
    ]


def test_addresses_stay_open_without_a_network() -> None:
    (step,) = plan_hosts({}, ["web1"], recipe=RECIPE, subnet=None, alive={})
    assert step == Step("web1", "create", "", "not there")


def test_too_many_hosts() -> None:
    with pytest.raises(ValueError, match=r"no address is left for web6 in 10\.89\.0\.0/28"):
        plan_hosts({}, [f"web{n}" for n in range(1, 9)], recipe=RECIPE, subnet="10.89.0.0/28", alive={})


def test_recipe_and_hardware_address() -> None:
    assert recipe_of("base:1", ["SYS_ADMIN", "NET_ADMIN"]) == "base:1 +NET_ADMIN +SYS_ADMIN"
    assert mac_address("10.89.1.255") == "02:67:0a:59:01:ff"


def test_a_group_of_hosts_lives_beside_the_labs_own() -> None:
    there = {
        "web1": Found("web1", "running", 1, "10.89.0.10", "image"),
        "bake-shop": Found("bake-shop", "running", 2, "10.89.0.11", "image", group="bake-shop"),
    }
    alive = dict.fromkeys(there, True)
    own = plan_hosts(there, ["web1", "web2"], recipe="image", subnet="10.89.0.0/22", alive=alive)
    assert [(step.host, step.act, step.address) for step in own] == [
        ("web1", "keep", "10.89.0.10"),
        ("web2", "create", "10.89.0.12"),
    ]
    gone = plan_hosts(there, [], recipe="image", subnet="10.89.0.0/22", alive=alive, group="bake-shop")
    assert [(step.host, step.act) for step in gone] == [("bake-shop", "remove")]
    with pytest.raises(ValueError, match="web1 is a host of the inventory"):
        plan_hosts(there, ["web1"], recipe="image", subnet="10.89.0.0/22", alive=alive, group="bake-shop")
