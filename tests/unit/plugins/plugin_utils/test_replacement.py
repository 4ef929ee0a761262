# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts come and which leave when hosts of one release are replaced by hosts of another."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _replacement, _scale

SERVICE = "swagger_ui"
WEBS = ["web1", "web2", "web3"]
LAUNCHED = [f"swagger-ui-{number}" for number in range(1, 4)]


def contract(*members: str, **more: Any) -> dict[str, Any]:
    return {
        "service": SERVICE,
        "folder": f"roles/{SERVICE}",
        "members": [*WEBS, *members],
        "listen": {"port": 8002, "preview_port": 0},
        "release": {"root": f"/srv/{SERVICE}"},
        "pool": {"maintenance_port": 18200, "domain": "swagger.test", "floor": "60%"},
        "scale": {"replacements": "25%", "keep_previous_minutes": 30},
        "budget": {"failures": 0},
        **more,
    }


def member(version: str | None = "1", pool: str = "online", **more: Any) -> dict[str, Any]:
    recorded = {"online": "online", "down": "online", "out": "gone"}.get(pool, "maintenance")
    one = {"recorded": more.pop("recorded", recorded), "maintenance_port": more.pop("port", 18200)}
    entry = {"pool": pool, "lease": None, "kept": None, "version": version, "address": "10.0.0.9"}
    return {**entry, "balancers": {"lb1": one, "lb2": one}, **more}


def kept(version: str, expired: bool = False) -> dict[str, Any]:
    return member(version, "maintenance", kept={"version": version, "until": 0.0, "expired": expired})


def leased(version: str | None) -> dict[str, Any]:
    return member(version, "draining", lease={"number": 1})


def image(version: str, state: str = "good") -> dict[str, Any]:
    return {
        "image": f"{state}-{version}",
        "key": version,
        "state": state,
        "record": {"releases": [{"version": version}]},
    }


def plan(
    version: str = "2",
    members: dict[str, dict[str, Any]] | None = None,
    hosts: dict[str, str] | None = None,
    wanted: int | None = None,
    images: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """The plan for hosts (image by name) and members beside those of the inventory, which serve 1 unless said."""
    hosts = hosts or {}
    found = {
        "pool": {
            "members": {name: member() for name in WEBS} | (members or {}),
            "balancers": {"lb1": {}, "lb2": {}},
            "unreachable_balancers": [],
            "wanted": wanted,
            "lock": None,
        },
        "hosts": [{"name": n, "zone": "a", "state": "running", "image": i} for n, i in hosts.items()],
        "images": [image("2"), image("1")] if images is None else images,
        "zones": {"web1": "a", "web2": "b", "web3": "a", **dict.fromkeys(hosts, "a")},
    }
    return _replacement.plan([contract(*hosts, **more)], SERVICE, version, found)


def names(hosts: Any) -> list[str]:
    return [one["name"] for one in hosts]


SERVE_2 = {name: member("2") for name in LAUNCHED}
HOSTS_2 = dict.fromkeys(LAUNCHED, "good-2")
KEPT_1 = {name: kept("1") for name in WEBS}


def test_the_first_one_launches_as_many_as_serve_one_alone_first_and_all_from_before_leave() -> None:
    planned = plan()
    assert planned["canary"] == [{"name": "swagger-ui-1", "zone": "a"}]
    assert names(planned["launch"]) == ["swagger-ui-2", "swagger-ui-3"]
    assert [host["zone"] for host in [*planned["canary"], *planned["launch"]]] == ["a", "b", "a"]
    assert (planned["image"], planned["bakes"], planned["wanted"], planned["floor"]) == ("good-2", False, 3, 2)
    assert planned["leave"] == WEBS
    assert planned["keep_seconds"] == 1800
    assert (planned["dismiss"], planned["remove"], planned["idle"]) == ([], [], False)


def test_an_image_has_to_be_made_where_there_is_no_good_one() -> None:
    assert plan(images=[image("2", "bad"), image("1")])["bakes"] is True
    assert plan(images=[image("1")])["image"] == ""


def test_a_second_run_has_nothing_to_do() -> None:
    planned = plan(members=SERVE_2 | KEPT_1, hosts=HOSTS_2)
    assert planned["idle"] is True
    assert _replacement.table(SERVICE, planned) == ["swagger_ui: 3 of 2 serves; wanted are 3 of 2", "nothing is to do"]


def test_going_back_brings_kept_hosts_in_without_a_canary_or_an_image() -> None:
    planned = plan("1", members=SERVE_2 | KEPT_1, hosts=HOSTS_2, images=[])
    assert planned["back"][0] == {"name": "web1", "zone": "a", "address": "10.0.0.9"}
    assert names(planned["back"]) == WEBS
    assert (planned["canary"], planned["launch"], planned["bakes"]) == ([], [], False)
    assert planned["leave"] == LAUNCHED
    assert planned["renders"] is False, "the configuration names all of them already"


def test_what_is_kept_and_too_few_is_filled_up_from_the_image() -> None:
    kept_2 = {"web1": kept("1"), "web2": kept("1"), "web3": member(None, "out", recorded=None)}
    planned = plan("1", members=SERVE_2 | kept_2, hosts=HOSTS_2)
    assert names(planned["back"]) == ["web1", "web2"]
    assert (planned["canary"], names(planned["launch"])) == ([], ["swagger-ui-4"])
    assert planned["image"] == "good-1"


def test_a_run_that_died_while_hosts_were_launched_goes_on_with_them() -> None:
    there = {"swagger-ui-1": member("2"), "swagger-ui-2": leased(None)}
    hosts = {"swagger-ui-1": "good-2", "swagger-ui-2": "good-2", "swagger-ui-3": "good-1"}
    planned = plan(members=there, hosts=hosts, wanted=3)
    assert (planned["canary"], names(planned["launch"])) == ([], ["swagger-ui-2", "swagger-ui-4"])
    assert planned["remove"] == ["swagger-ui-3"]
    assert planned["begun"] == ["swagger-ui-1"]
    assert planned["leave"] == WEBS


def test_a_run_that_died_while_members_left_has_as_many_as_it_wanted() -> None:
    leaving = {"web1": kept("1"), "web2": leased("1"), "web3": member("1")}
    planned = plan(members=SERVE_2 | leaving, hosts=HOSTS_2, wanted=3)
    assert (planned["canary"], planned["launch"], planned["back"]) == ([], [], [])
    assert planned["leave"] == ["web2", "web3"]


def test_a_run_that_died_after_its_work_still_has_its_configuration_rendered_and_is_settled() -> None:
    unnamed = {name: member("2", port=None) for name in LAUNCHED}
    assert plan(members=unnamed | KEPT_1, hosts=HOSTS_2)["renders"] is True
    assert plan(members=SERVE_2 | KEPT_1, hosts=HOSTS_2, wanted=3)["idle"] is False


def test_members_that_a_dead_rollback_took_out_come_back_in_where_they_are_wanted() -> None:
    there = SERVE_2 | {"swagger-ui-1": leased("2")}
    planned = plan(members=there | KEPT_1, hosts=HOSTS_2, wanted=3)
    assert names(planned["back"]) == ["swagger-ui-1"]
    assert planned["launch"] == []


def test_kept_hosts_that_a_dead_rollback_had_in_hand_are_brought_back_or_kept_again() -> None:
    in_hand = {"web1": {**kept("1"), "lease": {"number": 1}}, "web2": kept("1"), "web3": kept("1")}
    assert names(plan("1", members=SERVE_2 | in_hand, hosts=HOSTS_2, wanted=3)["back"]) == ["web1", "web2", "web3"]
    planned = plan("2", members=SERVE_2 | in_hand, hosts=HOSTS_2, wanted=3)
    assert (planned["leave"], planned["launch"]) == (["web1"], [])


def test_hosts_kept_from_an_earlier_rollout_or_for_too_long_go_those_of_the_inventory_stay() -> None:
    older = {"swagger-ui-1": kept("0"), "web1": kept("0"), "web2": member(), "web3": member()}
    planned = plan(members=older, hosts={"swagger-ui-1": "good-0"})
    assert planned["remove"] == planned["dismiss"] == ["swagger-ui-1"]
    assert planned["leave"] == ["web2", "web3"]
    hosts = {**HOSTS_2, "swagger-ui-4": "good-1", "swagger-ui-5": "good-1"}
    over = {"swagger-ui-4": kept("1", expired=True), "swagger-ui-5": kept("1"), "web1": kept("0", expired=True)}
    planned = plan(members=SERVE_2 | KEPT_1 | over, hosts=hosts)
    assert planned["remove"] == ["swagger-ui-4"], "and the other one's time has not come"


def test_a_new_member_that_is_down_for_the_moment_is_no_reason_to_launch_another() -> None:
    down = SERVE_2 | {"swagger-ui-2": member("2", "down")}
    assert plan(members=down | KEPT_1, hosts=HOSTS_2)["idle"] is True


def test_members_of_which_no_release_is_known_leave_too() -> None:
    planned = plan(members={"web1": member(None)})
    assert planned["leave"] == WEBS
    assert _replacement.table(SERVICE, planned)[0] == "swagger_ui: 2 of 1, 1 of unknown serves; wanted are 3 of 2"


def test_a_service_that_nobody_serves_yet_is_launched_for_each_host_of_its_inventory() -> None:
    planned = plan(members={name: member(None, "out", recorded=None) for name in WEBS})
    assert len([*planned["canary"], *planned["launch"]]) == 3
    assert planned["leave"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pool": {"maintenance_port": 18200, "domain": "s", "floor": 4}}, "3 members serve and the floor is 4"),
        ({"members": {"swagger-ui-9": member("2")}, "hosts": {}}, ""),
    ],
)
def test_what_can_not_be_done_is_refused(asked: dict[str, Any], said: str) -> None:
    if said:
        with pytest.raises(_scale.ScaleError, match=re.escape(said)):
            plan(**asked)
    else:
        assert plan(**asked)["dismiss"] == ["swagger-ui-9"], "a member whose host is gone is no member"


def test_hosts_that_came_after_the_inventory_was_read_end_it() -> None:
    found = {
        "pool": {
            "members": {"swagger-ui-1": member("2")},
            "balancers": {},
            "unreachable_balancers": [],
            "wanted": None,
            "lock": None,
        },
        "hosts": [{"name": "swagger-ui-1", "zone": "a", "state": "running", "image": "good-2"}],
        "images": [],
        "zones": {},
    }
    with pytest.raises(_scale.ScaleError, match="run the same command again"):
        _replacement.plan([contract()], SERVICE, "2", found)


def test_the_table_says_who_comes_and_who_leaves() -> None:
    lines = _replacement.table(SERVICE, plan(images=[]))
    assert lines == [
        "swagger_ui: 3 of 1 serves; wanted are 3 of 2",
        "launched first, alone, from the image yet to be made: swagger-ui-1",
        "launched from the image yet to be made: swagger-ui-2, swagger-ui-3",
        "leave the online pool then, and are kept for 30 minutes: web1, web2, web3",
    ]


def judged(*grown: dict[str, Any], failures: int = 0, **asked: Any) -> dict[str, Any]:
    planned = {**plan(**asked), "allowed": failures}
    return _replacement.judge(SERVICE, planned, grown)


def test_where_all_serve_it_is_done() -> None:
    canary = {"joined": {"swagger-ui-1": 3.0}, "zones": {"swagger-ui-1": "b"}}
    verdict = judged(canary, {"joined": {"swagger-ui-2": 3.0, "swagger-ui-3": 4.0}})
    assert (verdict["ended"], verdict["failure"]) == ("done", "")
    assert verdict["zones"] == {"web1": "a", "web2": "b", "web3": "a", "swagger-ui-1": "b"}
    assert verdict["lines"] == ["swagger_ui: 3 joined"]


def test_a_canary_that_fails_its_gates_is_turned_back_whatever_the_budget_and_spoils_the_image() -> None:
    canary = {"joined": {}, "missing": {"swagger-ui-1": "failed the gate pages"}, "unproven": ["swagger-ui-1"]}
    verdict = judged(canary, failures=3)
    assert (verdict["ended"], verdict["bad"], verdict["away"]) == ("turned_back", True, [])
    assert "swagger_ui 2 was turned back" in verdict["failure"]
    assert "failed the gate pages" in verdict["failure"]


def test_a_host_that_does_not_boot_says_nothing_of_the_image() -> None:
    verdict = judged({"joined": {}, "missing": {"swagger-ui-1": "no boot"}, "unproven": []})
    assert (verdict["ended"], verdict["bad"]) == ("turned_back", False)


def test_over_the_budget_all_new_hosts_go_also_those_of_the_run_that_died() -> None:
    there = {"swagger-ui-1": member("2")}
    others = {"joined": {"swagger-ui-2": 1.0}, "missing": {"swagger-ui-3": "gate"}, "unproven": ["swagger-ui-3"]}
    verdict = judged(others, members=there, hosts={"swagger-ui-1": "good-2"}, wanted=3)
    assert verdict["away"] == ["swagger-ui-1", "swagger-ui-2"]


def test_within_the_budget_it_goes_on_and_fails_at_its_end() -> None:
    others = {"joined": {"swagger-ui-2": 1.0}, "missing": {"swagger-ui-3": "gate"}, "unproven": ["swagger-ui-3"]}
    verdict = judged({"joined": {"swagger-ui-1": 1.0}}, others, failures=1)
    assert (verdict["ended"], verdict["away"], verdict["bad"]) == ("partly", [], False)
    assert "1 of 3 are missing, within the budget of 1: swagger-ui-3: gate" in verdict["failure"]


def test_kept_hosts_that_fail_are_kept_again_and_spoil_no_image() -> None:
    grown = {"joined": {"web1": 1.0}, "missing": {"web2": "gate", "web3": "gate"}, "unproven": ["web2", "web3"]}
    verdict = judged(grown, version="1", members=SERVE_2 | KEPT_1, hosts=HOSTS_2)
    assert (verdict["aside"], verdict["away"], verdict["bad"]) == (["web1"], [], False)


def test_where_nobody_served_before_nobody_is_taken_away() -> None:
    gone = {name: member(None, "out", recorded=None) for name in WEBS}
    verdict = judged({"joined": {}, "missing": {"swagger-ui-1": "no boot"}}, members=gone)
    assert verdict["ended"] == "partly"
    assert "nobody is left who served before" in verdict["failure"]
