# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes on two balancers at once, against two real HAProxy processes and the real engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _balancers, _member_changes, _rollout_lock
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Balancers, ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import UnreachableError

from tests.unit.haproxy import Fleet, fleet_fixture, wait_for


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    yield from fleet_fixture("lb1", "lb2")


class Controller:
    """A rollout as the playbooks have it: its process, the number that it was given, what it was told."""

    def __init__(self, fleet: Fleet, pid: int = 1, reach_seconds: float = 0) -> None:
        self.fleet = fleet
        self.number = 0
        self.said: list[str] = []
        self.cut_off: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.balancers = Balancers(["lb2", "lb1"], self._call, self.said.append, self.said.append, reach_seconds)
        here = _rollout_lock.this_process(1)
        self.owner = {**here, "name": f"user{pid}@ctl", "pid": pid, "machine": "another"}

    def _call(self, balancer: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((balancer, params["op"]))
        if balancer in self.cut_off or f"{balancer}:{params['op']}" in self.cut_off:
            raise UnreachableError(balancer, "can't be reached: a test cut it off")
        return self.fleet.call(balancer, params)

    def hold(self, **params: Any) -> dict[str, Any]:
        asked = {
            "owner": self.owner,
            "rollout": f"r{self.owner['pid']}",
            "version": "2",
            "ttl_seconds": 60,
            "at_least": 0,
            "after": None,
            "service": "shop",
            "steal": False,
            "check_mode": False,
        }
        answer = _rollout_lock.hold(self.balancers, {**asked, **params})
        self.number = answer["number"]
        return answer

    def take_out(self, member: str, **params: Any) -> dict[str, Any]:
        asked = {
            "member": member,
            "number": self.number,
            "version": "2",
            "floor": 1,
            "floor_per_zone": 0,
            "zones": {},
            "window": 3,
            "budget": 0,
            "lease_seconds": 60,
            "turning_back": False,
            "wait_seconds": 0,
            "drain_seconds": 2,
            "drain_cut": False,
        }
        return _member_changes.take_out(self.balancers, {**asked, **params})

    def bring_in(self, member: str, seconds: float = 5) -> dict[str, Any]:
        return _member_changes.bring_in(
            self.balancers, {"member": member, "number": self.number, "version": "2", "admit_seconds": seconds}
        )

    def fail(self, member: str) -> dict[str, Any]:
        return _member_changes.count_failure(
            self.balancers, {"member": member, "number": self.number, "reason": "its gate failed"}
        )


def everywhere(fleet: Fleet, member: str) -> set[str]:
    return {fleet.pools(name)[member] for name in fleet.balancers}


def leases(fleet: Fleet) -> set[str]:
    return {member for balancer in fleet.balancers.values() for member in balancer.record()["leases"]}


def test_a_member_goes_out_and_comes_back_on_both(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    assert controller.hold()["changed"]
    answer = controller.take_out("web1")
    assert (answer["changed"], answer["taken"], everywhere(fleet, "web1")) == (True, True, {"maintenance"})
    assert controller.take_out("web1")["changed"] is False
    assert controller.bring_in("web1")["changed"] is True
    assert controller.bring_in("web1")["changed"] is False
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())
    # The second balancer is asked after the first in every step, whatever order they are named in.
    assert [name for name, op in controller.asked if op == "reserve"][:2] == ["lb1", "lb2"]


def test_the_lock_has_one_number_and_the_second_rollout_is_refused(fleet: Fleet) -> None:
    fleet.open()
    first, second = Controller(fleet), Controller(fleet, pid=2)
    # As after a rollout that met one balancer alone.
    fleet.on("lock", "lb2", owner=first.owner, rollout="old", version="1", ttl=60, at_least=7)
    assert first.hold()["number"] == 8
    assert {balancer.record()["lock"]["number"] for balancer in fleet.balancers.values()} == {8}
    assert first.hold()["changed"] is False
    with pytest.raises(ChangeError, match=r"lb1: user1@ctl holds the lock for r1, for \d+ s more") as refused:
        second.hold()
    assert refused.value.more["refused"]["by"]["name"] == "user1@ctl"
    assert second.hold(steal=True)["number"] == 9
    with pytest.raises(ChangeError, match="user2@ctl holds it"):
        first.take_out("web1")
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())


def test_whoever_planned_before_another_held_the_lock_is_refused(fleet: Fleet) -> None:
    fleet.open()
    first, second = Controller(fleet), Controller(fleet, pid=2)
    assert first.hold(after=0)["abandoned"] is False
    for name in fleet.balancers:
        fleet.on("unlock", name, number=1)
    with pytest.raises(ChangeError, match="another run held the lock of shop while this one was planned") as refused:
        second.hold(after=0)
    assert refused.value.more["refusal"] == "late"
    assert {balancer.record()["lock"] for balancer in fleet.balancers.values()} == {None}
    # Numbers may be left out: where hosts have seen a higher one, and after a refusal.
    assert second.hold(after=2, at_least=9)["number"] == 9


def test_a_refusal_at_the_second_balancer_leaves_no_lock_at_the_first(fleet: Fleet) -> None:
    fleet.open()
    other = Controller(fleet, pid=2)
    fleet.on("lock", "lb2", owner=other.owner, rollout="theirs", version="1", ttl=60)
    with pytest.raises(ChangeError, match="lb2: user2@ctl"):
        Controller(fleet).hold()
    assert fleet.balancers["lb1"].record()["lock"] is None


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(fleet: Fleet) -> None:
    fleet.open()
    dead, alive = Controller(fleet), Controller(fleet, pid=2)
    here = _rollout_lock.this_process(1)
    dead.owner = {**here, "pid": 2**22 + 1, "started": "1"}
    dead.hold(ttl_seconds=3600)
    alive.owner = here
    answer = alive.hold()
    assert (answer["number"], "is dead" in answer["taken_over"][0], answer["abandoned"]) == (2, True, True)
    # A living one, this time: process 1.
    third = Controller(fleet, pid=3)
    third.owner = {**here, "pid": 3, "started": "3"}
    with pytest.raises(ChangeError, match="holds the lock"):
        third.hold()


def test_a_balancer_out_of_reach_means_that_nothing_is_taken_out(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    controller.cut_off = {"lb2"}
    with pytest.raises(ChangeError, match=r"lb2: can't be reached.*the member is where it was"):
        controller.take_out("web1")
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())


def test_a_balancer_that_goes_away_while_the_member_drains_gets_it_back_elsewhere(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    controller.cut_off = {"lb2:drain"}
    with pytest.raises(ChangeError, match="can't be reached"):
        controller.take_out("web1")
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())


def test_a_balancer_that_comes_back_in_time_is_waited_for(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet, reach_seconds=10)
    controller.hold()
    controller.cut_off = {"lb2"}
    threading.Timer(0.5, controller.cut_off.clear).start()
    assert controller.take_out("web1")["taken"]
    assert any("lb2: can't be reached" in text for text in controller.said)


def test_sessions_that_do_not_end_leave_the_member_where_it_was(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(fleet.balancers["lb2"].get("/hold")))
    thread.start()
    held = wait_for("a request is held", fleet.holder)
    with pytest.raises(ChangeError, match=r"1 session on lb2 left after 0.5 s, still draining; the member is where"):
        controller.take_out(held.name, drain_seconds=0.5)
    assert (everywhere(fleet, held.name), leases(fleet)) == ({"online"}, set())
    held.let_go.set()
    thread.join()
    assert answers[0][:2] == (200, held.name)


def test_a_floor_that_one_balancer_alone_sees_broken_holds_everywhere(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    fleet.balancers["lb2"].runtime.tell("set server shop/web3 state maint")
    with pytest.raises(ChangeError, match="web1 on lb2: 2 of 3 members are online and the floor is 2") as refused:
        controller.take_out("web1", floor=2)
    assert refused.value.more["refusal"] == "floor"
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())
    threading.Timer(0.5, lambda: fleet.balancers["lb2"].runtime.tell("set server shop/web3 state ready")).start()
    assert controller.take_out("web1", floor=2, wait_seconds=10)["taken"]
    assert any("waiting: web1 on lb2" in text for text in controller.said)


def test_budget_and_stop_are_answers_and_no_failures(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    controller.take_out("web1")
    assert controller.fail("web1")["pool"] == "maintenance"
    answer = controller.take_out("web2")
    assert (answer["taken"], answer["refusal"]) == (False, "budget")
    asked = _rollout_lock.request_stop(controller.balancers, {"owner": {"name": "carl"}, "reason": ""})
    assert (asked["changed"], asked["lock"]["rollout"]) == (True, "r1")
    assert controller.take_out("web2", budget=2)["refusal"] == "stopped"
    # What failed is brought back by the same path.
    assert controller.bring_in("web1")["changed"]


def test_a_member_that_is_ill_is_admitted_nowhere(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    controller.take_out("web1")
    fleet.members["web1"].healthy = False
    with pytest.raises(ChangeError, match=r"web1 isn't healthy after 1 s: lb1 says .*, lb2 says "):
        controller.bring_in("web1", seconds=1)
    assert everywhere(fleet, "web1") == {"maintenance"}
    assert controller.fail("web1")["pool"] == "maintenance"


def test_a_member_admitted_on_one_balancer_alone_must_not_be_changed(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    controller.take_out("web1")
    controller.cut_off = {"lb2:admit"}
    with pytest.raises(ChangeError, match=r"lb2: can't be reached.*it is online on lb1 already"):
        controller.bring_in("web1")
    controller.cut_off = set()
    with pytest.raises(ChangeError, match="web1 is online on lb1, maintenance on lb2: it must not be changed now"):
        controller.fail("web1")
    # The next run settles it.
    after = Controller(fleet, pid=2)
    after.hold(steal=True)
    assert after.take_out("web1")["adopted"]
    assert after.bring_in("web1")["changed"]
    assert (everywhere(fleet, "web1"), leases(fleet)) == ({"online"}, set())


def test_two_rollouts_of_two_services_do_not_meet(fleet: Fleet) -> None:
    fleet.open()
    Controller(fleet).hold()
    answer = fleet.on("lock", service="other", owner=Controller(fleet, 2).owner, rollout="x", version="1", ttl=60)
    assert answer["number"] == 1


def test_the_survey_merges_what_balancers_say_and_names_those_that_say_nothing(fleet: Fleet) -> None:
    fleet.open()
    controller = Controller(fleet)
    controller.hold()
    fleet.on("reserve", "lb2", member="web1", number=1, lease_seconds=60, floor=0)
    fleet.on("drain", "lb2", member="web1", number=1, seconds=2)
    found = _balancers.survey(controller.balancers)
    assert found["members"]["web1"]["pool"] == "maintenance"
    assert found["members"]["web1"]["lease"]["rollout"] == "r1"
    assert found["members"]["web2"]["pool"] == "online"
    assert found["members"]["web2"]["maintenance_port"] == fleet.maintenance_port + 1
    assert (found["unreachable_balancers"], found["number"], found["lock"]["owner"]["name"]) == ([], 1, "user1@ctl")
    fleet.on("keep", "lb2", members=["web1"], number=1, seconds=60)
    assert _balancers.survey(controller.balancers)["members"]["web1"]["lease"] is None
    controller.cut_off = {"lb1"}
    found = _balancers.survey(controller.balancers)
    assert found["members"]["web1"]["kept"]["version"] is None, "it was admitted before versions were recorded"
    assert found["unreachable_balancers"] == ["lb1: can't be reached: a test cut it off"]
    assert list(found["balancers"]) == ["lb2"]
