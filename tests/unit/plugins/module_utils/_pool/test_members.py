# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One balancer's engine against a real HAProxy."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.unit.haproxy import Fleet, wait_for

OWNER = {"name": "ann@ctl", "machine": "m", "boot": "b", "pid": 1, "started": "1"}
OTHER = {**OWNER, "name": "bob@ctl", "pid": 2}


def lock(fleet: Fleet, owner: dict[str, Any] = OWNER, **params: Any) -> dict[str, Any]:
    asked = {"owner": owner, "rollout": f"r-{owner['name']}", "version": "2", "ttl": 60, **params}
    return fleet.on("lock", **asked)


def reserve(fleet: Fleet, member: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return fleet.on("reserve", member=member, number=number, **{"floor": 1, "lease_seconds": 60, **params})


def take_out(fleet: Fleet, member: str, number: int = 1) -> None:
    assert "refused" not in reserve(fleet, member, number)
    assert fleet.on("drain", member=member, number=number, seconds=2)["drained"]


def bring_in(fleet: Fleet, member: str, number: int = 1) -> None:
    answer = fleet.on("prepare", member=member, number=number, seconds=5)
    assert answer["healthy"], answer
    assert fleet.on("admit", member=member, number=number, version="2") == {"changed": True}


def test_a_member_goes_out_and_comes_back(fleet: Fleet) -> None:
    fleet.open()
    lb1 = fleet.balancers["lb1"]
    assert lock(fleet)["number"] == 1
    take_out(fleet, "web2")
    assert fleet.pools() == {"web1": "online", "web2": "maintenance", "web3": "online"}
    assert {lb1.get()[1] for _ in range(8)} == {"web1", "web3"}
    status, body, headers = lb1.get(port=fleet.maintenance_port + 1)
    assert (status, body, headers["x-fleet-member"]) == (200, "web2", "web2")
    status, body, _headers = lb1.get(port=fleet.maintenance_port)
    assert (status, body) == (503, "web1 is not in the maintenance pool\n")
    bring_in(fleet, "web2")
    assert set(fleet.pools().values()) == {"online"}
    assert lb1.get(port=fleet.maintenance_port + 1)[0] == 503
    assert lb1.record()["leases"] == {}
    events = ["locked", "reserved", "draining", "drained", "admitting", "admitted"]
    assert [line["event"] for line in lb1.journal()] == events


def test_a_fresh_member_is_in_neither_pool_until_it_is_admitted(fleet: Fleet) -> None:
    assert set(fleet.pools().values()) == {"out"}
    assert fleet.balancers["lb1"].get()[0] == 503
    lock(fleet)
    take_out(fleet, "web1")
    bring_in(fleet, "web1")
    assert fleet.balancers["lb1"].get()[1] == "web1"


def test_draining_waits_for_a_request_in_flight(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    lb1 = fleet.balancers["lb1"]
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(lb1.get("/hold"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for member in fleet.members.values():
        assert member.holding.acquire(timeout=5)
    reserve(fleet, "web2")
    answer = fleet.on("drain", member="web2", number=1, seconds=0.3)
    assert answer == {"changed": True, "drained": False, "sessions": 1}
    assert fleet.pools()["web2"] == "draining"
    for member in fleet.members.values():
        member.let_go.set()
    assert fleet.on("drain", member="web2", number=1, seconds=5)["drained"]
    for thread in threads:
        thread.join()
    assert sorted(answer[:2] for answer in answers) == [(200, "web1"), (200, "web2"), (200, "web3")]


def test_of_those_that_wait_the_slowest_goes_first(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    lb1 = fleet.balancers["lb1"]
    (lb1.folder / "shop.json").write_text(json.dumps({**lb1.record(), "seconds": {"web3": 33.0, "web2": 2.0}}))
    take_out(fleet, "web1")
    went: list[str] = []

    def wait(member: str) -> None:
        assert "refused" not in reserve(fleet, member, wait_seconds=10)
        went.append(member)
        fleet.on("cancel", member=member, number=1)

    threads = [threading.Thread(target=wait, args=[member]) for member in ("web2", "web3")]
    for count, thread in enumerate(threads, 1):
        thread.start()
        wait_for("it stands in line", lambda count=count: len(lb1.line()) == count)
    bring_in(fleet, "web1")
    for thread in threads:
        thread.join()
    assert went == ["web3", "web2"]
    assert lb1.line() == {}
    assert lb1.record()["seconds"]["web1"] < 10, "how long it was out just now"


def test_sessions_are_cut_only_where_that_is_asked(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    lb1 = fleet.balancers["lb1"]
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(lb1.get("/hold")))
    thread.start()
    held = wait_for("a request is held", fleet.holder)
    for member in fleet.members.values():
        if member is not held:
            member.let_go.set()
    reserve(fleet, held.name)
    answer = fleet.on("drain", member=held.name, number=1, seconds=0.2, cut=True)
    assert (answer["drained"], answer["cut"]) == (True, 1)
    assert lb1.runtime.servers("shop")[held.name].sessions == 0
    thread.join()
    # HAProxy asked another member once the answer of the first had been cut off.
    assert answers[0][0] == 200
    assert answers[0][1] != held.name


def test_requests_that_an_old_worker_still_answers_count_as_sessions(fleet: Fleet) -> None:
    """After a reload the old process ends its sessions, unseen in the statistics of the new one."""
    fleet.open()
    lock(fleet)
    lb1 = fleet.balancers["lb1"]
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(lb1.get("/hold")))
    thread.start()
    held = wait_for("a request is held", fleet.holder)
    lb1.reload()
    assert len(lb1.runtime.old_workers()) == 1
    reserve(fleet, held.name)
    assert fleet.on("drain", member=held.name, number=1, seconds=0.3)["sessions"] == 1
    held.let_go.set()
    assert fleet.on("drain", member=held.name, number=1, seconds=5)["drained"]
    thread.join()
    assert answers[0][:2] == (200, held.name)


def test_a_member_that_is_not_healthy_is_not_admitted(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    fleet.members["web1"].healthy = False
    answer = fleet.on("prepare", member="web1", number=1, seconds=1)
    assert not answer["healthy"]
    assert "503" in answer["status"] or "L7" in answer["status"]
    assert fleet.on("admit", member="web1", number=1)["refused"]["kind"] == "unhealthy"
    assert {fleet.balancers["lb1"].get()[1] for _ in range(6)} == {"web2", "web3"}
    fleet.members["web1"].healthy = True
    bring_in(fleet, "web1")


def test_no_request_reaches_a_member_before_a_check_of_it_has_passed(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    fleet.members["web1"].healthy = False
    fleet.on("prepare", member="web1", number=1, seconds=0)
    assert {fleet.balancers["lb1"].get()[1] for _ in range(6)} == {"web2", "web3"}


def test_a_superseded_holder_changes_nothing(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    assert lock(fleet, OTHER, steal=True)["number"] == 2
    lb1 = fleet.balancers["lb1"]
    before = (lb1.record(), lb1.runtime.ask("show servers state").split()[::3], fleet.pools(), lb1.journal())
    for op in ("reserve", "drain", "cancel", "prepare", "admit", "fail", "unlock", "raise_number"):
        answer = fleet.on(op, member="web1", number=1, seconds=1, reason="x", at_least=9, lease_seconds=60)
        assert answer["refused"]["kind"] == "superseded", (op, answer)
        assert "bob@ctl" in answer["refused"]["msg"]
    after = (lb1.record(), lb1.runtime.ask("show servers state").split()[::3], fleet.pools(), lb1.journal())
    assert (after[0], after[2], after[3]) == (before[0], before[2], before[3])


def test_the_next_holder_adopts_a_lease_and_the_floor_counts_it_once(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    lock(fleet, OTHER, steal=True)
    answer = reserve(fleet, "web1", 2, floor=2)
    assert (answer["adopted"], answer["was"]) == (True, "online")
    assert fleet.on("drain", member="web1", number=2, seconds=1) == {"changed": False, "drained": True, "sessions": 0}
    # What was adopted may run anything: it isn't given back unchecked.
    assert fleet.on("cancel", member="web1", number=2) == {"changed": False}
    bring_in(fleet, "web1", 2)


def test_reserving_without_draining_leaves_nothing_behind(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    reserve(fleet, "web1")
    assert fleet.on("cancel", member="web1", number=1) == {"changed": True}
    reserve(fleet, "web1")
    lock(fleet, OTHER, steal=True)
    assert fleet.balancers["lb1"].record()["leases"] == {}
    assert set(fleet.pools().values()) == {"online"}


def test_a_drain_that_is_given_up_brings_the_member_back(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    assert fleet.on("cancel", member="web1", number=1) == {"changed": True}
    assert set(fleet.pools().values()) == {"online"}
    assert fleet.balancers["lb1"].record()["members"]["web1"] == "online"


@pytest.mark.parametrize(
    ("limits", "first", "kind", "says"),
    [
        pytest.param({"floor": 2, "window": 3}, ["web1"], "floor", "2 of 3 members are online", id="floor"),
        pytest.param({"floor": "60%", "window": 3}, ["web1"], "floor", "floor is 2", id="floor in percent rounds up"),
        pytest.param({"floor": 3}, [], "impossible", "3 members, floor 3", id="a floor that can't be met"),
        pytest.param({"window": 1}, ["web1"], "window", "web1 is out and the window is 1", id="window"),
        pytest.param(
            {"floor": 1, "window": 3, "floor_per_zone": 1, "zones": {"web1": "a", "web2": "a", "web3": "b"}},
            ["web1"],
            "floor",
            "1 of 2 members in zone a",
            id="floor of a zone",
        ),
    ],
)
def test_what_would_break_a_limit_is_refused(
    fleet: Fleet, limits: dict[str, Any], first: list[str], kind: str, says: str
) -> None:
    fleet.open()
    lock(fleet)
    for member in first:
        take_out(fleet, member)
    answer = reserve(fleet, "web2", **limits)
    assert (answer["refused"]["kind"], says in answer["refused"]["msg"]) == (kind, True), answer
    assert fleet.pools()["web2"] == "online"


def test_a_member_that_died_by_itself_counts_as_gone(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    fleet.members["web3"].healthy = False
    wait_for("web3 down", lambda: fleet.pools()["web3"] == "down")
    assert reserve(fleet, "web1", floor=2)["refused"]["kind"] == "floor"
    # Taking the dead one lowers nothing.
    assert reserve(fleet, "web3", floor=2)["changed"]


def test_reserving_waits_until_the_floor_allows_it(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    fleet.members["web3"].healthy = False
    wait_for("web3 down", lambda: fleet.pools()["web3"] == "down")
    threading.Timer(0.5, lambda: setattr(fleet.members["web3"], "healthy", True)).start()
    assert reserve(fleet, "web1", floor=2, wait_seconds=10)["changed"]


def test_budget_and_stop_refuse_further_members_but_not_going_back(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web1")
    failed: dict[str, Any] = {"member": "web1", "number": 1, "reason": "gate"}
    assert fleet.on("fail", **failed) == {"changed": True, "pool": "maintenance", "failures": 1}
    assert fleet.on("fail", **failed) == {"changed": False, "pool": "maintenance", "failures": 1}
    assert reserve(fleet, "web2")["refused"]["kind"] == "budget"
    assert reserve(fleet, "web2", budget=1)["changed"]
    fleet.on("cancel", member="web2", number=1)
    assert fleet.on("stop", by="carl", reason="lunch")["changed"]
    refused = reserve(fleet, "web2", budget=1)["refused"]
    assert (refused["kind"], "carl" in refused["msg"], "lunch" in refused["msg"]) == ("stopped", True, True)
    assert reserve(fleet, "web2", turning_back=True)["changed"]
    # The next rollout starts with a whole budget.
    lock(fleet, OTHER, steal=True)
    assert fleet.balancers["lb1"].record()["lock"]["failures"] == []


def test_a_failure_of_a_member_that_was_never_out_is_counted_alone(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    assert fleet.on("fail", member="web1", number=1, reason="unreachable")["pool"] == "online"
    assert fleet.pools()["web1"] == "online"


def test_check_mode_changes_nothing(fleet: Fleet) -> None:
    fleet.open()
    before = (fleet.balancers["lb1"].record(), fleet.pools())
    assert lock(fleet, check_mode=True)["number"] == 1
    assert reserve(fleet, "web1", check_mode=True)["changed"]
    assert reserve(fleet, "web1", check_mode=True, floor=3)["refused"]["kind"] == "impossible"
    assert (fleet.balancers["lb1"].record(), fleet.pools()) == before
    assert not (fleet.balancers["lb1"].folder / "shop.journal.jsonl").exists()


@pytest.mark.parametrize(
    ("params", "says"),
    [
        pytest.param({"service": "shoe"}, "haproxy has no backend shoe", id="unknown service"),
        pytest.param(
            {"op": "reserve", "member": "web9", "number": 1, "lease_seconds": 9}, "no member web9", id="unknown member"
        ),
        pytest.param(
            {"socket": "/nowhere", "patience_seconds": 0.2}, "haproxy doesn't answer at /nowhere", id="no haproxy"
        ),
        pytest.param(
            {"op": "stop", "by": "x", "state_dir": "/nowhere"}, "there is no folder /nowhere", id="not provisioned"
        ),
        pytest.param(
            {"op": "reserve", "member": "web1", "number": 1, "lease_seconds": 9, "floor": "most"},
            "'most' is neither",
            id="nonsense as a floor",
        ),
    ],
)
def test_errors_say_what_is_wrong(fleet: Fleet, params: dict[str, Any], says: str) -> None:
    fleet.open()
    lock(fleet)
    answer = fleet.call("lb1", {"op": "info", **params})
    assert answer["failed"] is True
    assert says in answer["msg"]
