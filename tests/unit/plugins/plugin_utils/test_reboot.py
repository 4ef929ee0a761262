# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _reboot

CONTRACTS = [
    {"service": "shop", "members": ["web1", "web2"]},
    {"service": "pages", "members": ["web1", "web3"]},
]


def seen(pool: str = "online", rollout: str = "", version: str | None = "1.0") -> dict[str, Any]:
    lease = {"rollout": rollout, "version": "2.0"} if rollout else None
    return {"pool": pool, "lease": lease, "version": version}


def pool(**members: dict[str, Any]) -> dict[str, Any]:
    return {"members": members, "unreachable_balancers": []}


def planned(pending: dict[str, bool], shop: dict[str, Any], pages: dict[str, Any]) -> dict[str, Any]:
    return _reboot.plan(CONTRACTS, pending, {"shop": shop, "pages": pages})


def test_a_host_is_taken_out_of_all_its_services_in_the_order_of_their_names() -> None:
    plan = planned({"web1": True, "web2": False}, pool(web1=seen(), web2=seen()), pool(web1=seen(version="3")))
    assert plan["hosts"] == {"web1": [{"service": "pages", "version": "3"}, {"service": "shop", "version": "1.0"}]}
    assert plan["services"] == ["pages", "shop"]


@pytest.mark.parametrize(
    ("member", "steps"),
    [
        pytest.param(seen("down"), ["1.0"], id="one whose health checks fail counts as gone, and is taken out"),
        pytest.param(seen("out"), [], id="one that was never admitted has no customers"),
        pytest.param(seen("maintenance", "shop-reboot-x"), ["2.0"], id="one that a reboot has left out comes back"),
    ],
)
def test_what_is_done_depends_on_the_pool(member: dict[str, Any], steps: list[str]) -> None:
    plan = planned({"web2": True}, pool(web2=member), pool())
    assert [step["version"] for step in plan["hosts"]["web2"]] == steps


def test_one_that_has_no_customers_is_rebooted_under_the_locks_of_all_its_services() -> None:
    plan = planned({"web1": True}, pool(web1=seen("out")), pool(web1=seen("maintenance")))
    assert plan["hosts"] == {"web1": []}
    assert plan["aside"] == {"web1": ["pages", "shop"]}
    assert plan["services"] == ["pages", "shop"]
    plan = planned({"web1": True}, pool(web1=seen()), pool(web1=seen("out")))
    assert plan["hosts"] == {"web1": [{"service": "shop", "version": "1.0"}]}
    assert plan["aside"] == {"web1": ["pages"]}
    assert plan["services"] == ["pages", "shop"]


@pytest.mark.parametrize("where", ["online", "draining", "maintenance", "out"])
def test_one_that_a_rollout_has_stays_as_it_is(where: str) -> None:
    plan = planned({"web1": True, "web2": True}, pool(web1=seen(where, "shop-2.0-x"), web2=seen()), pool(web1=seen()))
    assert list(plan["hosts"]) == ["web2"]
    assert plan["aside"] == {}
    assert plan["services"] == ["shop"]
    assert "shop-2.0-x has it" in plan["problems"]["web1"]
    # Nor is one that a reboot of another service left out.
    plan = planned({"web1": True}, pool(web1=seen(where, "pages-reboot-x")), pool())
    assert plan["hosts"] == {}


def test_one_that_a_dead_run_has_rebooted_is_brought_back_though_nothing_is_pending() -> None:
    plan = planned({"web2": False}, pool(web2=seen("maintenance", "shop-reboot-x")), pool())
    assert plan["hosts"] == {"web2": [{"service": "shop", "version": "2.0"}]}


def test_nothing_is_planned_where_nothing_is_pending() -> None:
    plan = planned({"web1": False}, pool(web1=seen()), pool(web1=seen()))
    assert plan == {"hosts": {}, "aside": {}, "services": [], "problems": {}}
    assert _reboot.table(plan) == ["no host"]


def test_a_host_whose_release_nobody_knows_stays_as_it_is() -> None:
    plan = planned({"web2": True}, pool(web2=seen(version=None)), pool())
    assert plan["hosts"] == {}
    assert plan["services"] == []
    assert "don't know which release of shop" in plan["problems"]["web2"]
    assert _reboot.failures(plan, {}) == [f"web2 ({plan['problems']['web2']})"]


def test_a_balancer_that_cannot_be_reached_stops_it_where_it_matters() -> None:
    dark = {**pool(web1=seen()), "unreachable_balancers": ["lb1: gone"]}
    with pytest.raises(_reboot.RebootError, match="lb1: gone"):
        planned({"web1": True}, dark, pool())
    assert planned({"web1": False}, dark, pool())["hosts"] == {}


def test_each_host_that_does_not_serve_again_is_named() -> None:
    plan = planned({"web1": True, "web2": True}, pool(web1=seen(), web2=seen()), pool())
    outcomes = {"web1": {"result": "out", "detail": "no answer"}}
    assert _reboot.failures(plan, outcomes) == ["web1 (no answer)", "web2 (could not be reached any more)"]
    assert _reboot.failures(plan, {"web1": {"result": "rebooted"}, "web2": {"result": "rebooted"}}) == []
