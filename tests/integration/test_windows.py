# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service with Linux and Windows members: the same commands, the same promises.

Tested over the real PSRP client against emulated hosts (tests/winlab/README.md), not on Windows. The members' program
really runs, and what it says of itself is what it runs.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.lab import CHECKOUT
from tests.integration.fleet import Fleet, Run

SERVICE, BROKEN = "orders", "1.2.0-broken"
# Modules that reach a member in a rollout that removes a pruned release: docs/decisions/windows_releases.md.
ROUND_TRIPS = 12
QUICK: dict[str, Any] = {"pool": {"window": 4}}


def control(method: str, path: str, **body: Any) -> Any:
    """The emulated hosts' own switches: what their console would do."""
    told = json.loads((CHECKOUT / "build" / "lab" / "winlab" / "process").read_text(encoding="utf-8"))
    data = json.dumps(body).encode()
    request = urllib.request.Request(told["control"].rstrip("/") + path, data, method=method)  # noqa: S310  # http
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
        return json.load(answer)


def modules(member: str) -> list[str]:
    """What reached the host so far, a module each."""
    return [entry["name"] for entry in control("GET", f"/{member}/log") if entry["kind"] == "module"]


def all_serve(fleet: Fleet) -> set[str]:
    return {fleet.served(SERVICE, member) for member in fleet.lab.services[SERVICE].members}


@pytest.fixture
def hybrid(raised: Fleet) -> Iterator[tuple[Fleet, str, str]]:
    """The fleet on one of the service's two versions, whichever it ran already, and the other one."""
    old, new = raised.lab.services[SERVICE].versions
    active = all_serve(raised)
    if active not in ({old}, {new}) or any(raised.leases(SERVICE).values()):
        raised.must("rollout", service=SERVICE, version=old, steal=True)
        active = {old}
    yield (raised, old, new) if active == {old} else (raised, new, old)
    raised.end()
    for member in windows(raised):
        control("DELETE", f"/{member}/hazards")


def windows(fleet: Fleet) -> list[str]:
    return [member for member in fleet.lab.services[SERVICE].members if member.startswith("win")]


def test_one_command_carries_both_kinds_back_and_forth(hybrid: tuple[Fleet, str, str]) -> None:
    fleet, old, new = hybrid
    assert len(windows(fleet)) == 3
    fleet.must("artifacts", service=SERVICE, version=BROKEN)
    asked: dict[str, Any] = {"service": SERVICE, f"{SERVICE}_contract": QUICK}
    with fleet.watched(SERVICE, rate=100) as seen:
        told = fleet.must("rollout", "--check", "--diff", **asked, version=new)
        assert all_serve(fleet) == {old}
        assert "before: C:\\srv\\orders" in told.output, "a Windows member's own difference"
        assert f'-    "active": "{old}",\n+    "active": "{new}",' in told.output
        before = {member: len(modules(member)) for member in windows(fleet)}
        fleet.must("rollout", **asked, version=new)
        assert all_serve(fleet) == {new}
        counts = {member: len(modules(member)) - before[member] for member in windows(fleet)}
        assert fleet.must("rollout", **asked, version=new).changed == 0
        refused = fleet.play("rollout", **asked, version=BROKEN)
        assert all_serve(fleet) == {new}
        fleet.must("rollback", **asked)
    assert refused.process.returncode != 0
    assert "was turned back" in refused.output
    assert f"{windows(fleet)[0]} failed the gate nunit" in refused.output, "a Windows member was the canary"
    assert "Discount" in refused.output, "the message shows which test of NUnit's failed"
    print(f"modules that reached a member in one rollout: {counts}")
    assert max(counts.values()) <= ROUND_TRIPS
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert all_serve(fleet) == {old}
    assert not any(fleet.leases(SERVICE).values())


Moment = Callable[[Fleet, str], bool]


def leased(fleet: Fleet, member: str) -> bool:
    return member in fleet.state("lb1", SERVICE)["leases"]


def drained(fleet: Fleet, member: str) -> bool:
    lease = fleet.state("lb2", SERVICE)["leases"].get(member, {})
    return lease.get("phase") == "maintenance"


def test_a_windows_member_that_is_lost_in_the_middle_of_its_change(hybrid: tuple[Fleet, str, str]) -> None:
    fleet, _, new = hybrid
    members, lost = fleet.lab.services[SERVICE].members, windows(fleet)[1]
    within = {"pool": {**QUICK["pool"], "floor_per_zone": 0}, "budget": {"failures": 1}}
    with fleet.watched(SERVICE) as seen:
        run = fleet.start("rollout", service=SERVICE, version=new, **{f"{SERVICE}_contract": within})
        run.until(lambda: drained(fleet, lost), "a member that is drained")
        control("POST", f"/{lost}/power", on=False)
        try:
            assert run.wait() != 0
        finally:
            control("POST", f"/{lost}/power", on=True)
    assert f"{lost}: " in run.output
    assert {fleet.served(SERVICE, m) for m in members if m != lost} == {new}, "the others went on"
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert fleet.leases(SERVICE) == {"lb1": [lost], "lb2": [lost]}
    fleet.must("reconcile", service=SERVICE)
    assert all_serve(fleet) == {new}
    assert all(len(online) == len(members) for online in fleet.online(SERVICE).values())


def test_a_controller_that_is_killed_at_each_stage_of_a_windows_member(hybrid: tuple[Fleet, str, str]) -> None:
    """One rollout after the other dies, each a stage further; the last one finishes."""
    fleet, _, _ = hybrid
    new = "1.1.1"  # that no member has: to be staged as well
    fleet.must("artifacts", service=SERVICE, version=new)
    asked: dict[str, Any] = {"service": SERVICE, "version": new, f"{SERVICE}_contract": QUICK}
    members = windows(fleet)
    before = {member: len(modules(member)) for member in members}

    def any_of(moment: Moment) -> Callable[[], bool]:
        return lambda: any(moment(fleet, member) for member in members)

    def fetching(member: str) -> bool:
        return "ansible.windows.win_get_url" in modules(member)[before[member] :]

    def switched(run: Run) -> str:
        run.until(lambda: any(fleet.served(SERVICE, m) == new and leased(fleet, m) for m in members), "a switch")
        return next(m for m in members if fleet.served(SERVICE, m) == new)

    def die(reached: Callable[[Run], Any]) -> Any:
        run = fleet.start("rollout", **asked)
        result = reached(run)
        run.kill()
        return result

    with fleet.watched(SERVICE) as seen:
        die(lambda run: run.until(lambda: any(fetching(m) for m in members), "a fetch"))
        die(lambda run: run.until(any_of(leased), "a lease"))
        die(lambda run: run.until(any_of(drained), "a member that is drained"))
        first = die(switched)
        die(lambda run: run.until(lambda: not leased(fleet, first), "its admission"))
        again = fleet.must("rollout", **asked)
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert all_serve(fleet) == {new}, again.tail()
    assert not any(fleet.leases(SERVICE).values())
