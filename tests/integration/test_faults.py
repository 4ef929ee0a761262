# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong in a rollout without anybody dying: a bad release, a lost member, a stop, two at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tests.integration.conftest import SERVICE, broken, published, versions
from tests.integration.fleet import Fleet

# No floor per zone: of three members, of whom two must stay, no other could go once one is lost, forward or back.
NO_ZONES = {"pool": {"floor_per_zone": 0}}
WITHIN = {**NO_ZONES, "budget": {"failures": 1}}
DROP_IN = f"/etc/systemd/system/{SERVICE}.service.d"


def test_a_release_that_fails_its_gate_is_turned_back_and_never_reaches_the_others(fleet: Fleet) -> None:
    old, _ = versions(fleet)
    switched = {m: _switched_at(fleet, m) for m in fleet.lab.services[SERVICE].members}
    with fleet.watched(SERVICE) as seen:
        run = fleet.play("rollout", service=SERVICE, version=broken(fleet))
    assert run.process.returncode != 0
    assert "was turned back" in run.output
    assert "countries" in run.output, "the message shows which test failed"
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert seen[0].versions == {old}
    assert set(fleet.active(SERVICE).values()) == {old}
    assert not any(fleet.leases(SERVICE).values())
    untouched = [m for m in switched if _switched_at(fleet, m) == switched[m]]
    assert len(untouched) == len(switched) - 1, "only the canary was ever switched"
    refused = fleet.play("rollback", service=SERVICE, version=broken(fleet))
    assert refused.process.returncode != 0
    assert "marked bad" in refused.output


def _switched_at(fleet: Fleet, member: str) -> str:
    return fleet.on(member, "stat", "--format=%Y.%i", f"/srv/{SERVICE}/current")


@contextlib.contextmanager
def cut_off(fleet: Fleet, member: str) -> Iterator[None]:
    """The member's network is cut: neither SSH nor its service can be reached."""
    gateway = fleet.lab.balancers[0].variables["operations_addresses"][0].partition("/")[0]
    fleet.network(member, "ip", "link", "set", "eth0", "down")
    try:
        yield
    finally:
        fleet.network(member, "ip", "link", "set", "eth0", "up")
        fleet.network(member, "ip", "route", "replace", "default", "via", gateway)


def test_a_member_that_vanishes_in_the_middle_of_its_change(fleet: Fleet) -> None:
    _, new = versions(fleet)
    members = fleet.lab.services[SERVICE].members
    asked = {"service": SERVICE, "version": new, f"{SERVICE}_contract": WITHIN}
    with fleet.watched(SERVICE) as seen:
        run = fleet.start("rollout", **asked)
        run.reached(r"Change the others(.|\n)*TASK \[.*Switch it to the release")
        out = fleet.leases(SERVICE)["lb1"]
        lost = next(m for m in out if m != members[0])
        with cut_off(fleet, lost):
            assert run.wait() != 0
            active = {m: fleet.active_on(SERVICE, m) for m in members if m != lost}
    assert f"{lost}: " in run.output
    assert set(active.values()) == {new}, "the others went on"
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert fleet.leases(SERVICE) == {"lb1": [lost], "lb2": [lost]}
    fleet.must("reconcile", service=SERVICE)
    assert set(fleet.active(SERVICE).values()) == {new}
    assert all(len(online) == len(members) for online in fleet.online(SERVICE).values())


def test_over_the_budget_those_already_changed_are_turned_back(fleet: Fleet) -> None:
    old, new = versions(fleet)
    members = fleet.lab.services[SERVICE].members
    victim = members[2]
    began = time.time()
    # Something on this one host keeps the service from starting, whatever the release.
    fleet.on(victim, "mkdir", "--parents", DROP_IN)
    fleet.on(victim, "cp", "/dev/stdin", f"{DROP_IN}/broken.conf", given="[Service]\nExecStartPre=/bin/false\n")
    fleet.on(victim, "systemctl", "daemon-reload")
    try:
        with fleet.watched(SERVICE) as seen:
            run = fleet.play("rollout", service=SERVICE, version=new, **{f"{SERVICE}_contract": NO_ZONES})
        assert run.process.returncode != 0
        assert f"{victim}: " in run.output
    finally:
        fleet.on(victim, "rm", "--recursive", DROP_IN)
        fleet.on(victim, "systemctl", "daemon-reload")
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    active = {m: fleet.active_on(SERVICE, m) for m in members if m != victim}
    assert set(active.values()) == {old}, "whoever was changed went back"
    events = [event for event in fleet.journal("lb1", SERVICE) if event["at"] >= began]
    failed_at = next(event["at"] for event in events if (event["event"], event["member"]) == ("failed", victim))
    taken = [event for event in events if event["event"] == "reserved" and event["version"] == new]
    assert victim in {event["member"] for event in taken}
    assert [event for event in taken if event["at"] > failed_at] == [], "nobody else was taken out for it any more"
    fleet.must("reconcile", service=SERVICE)
    assert all(len(online) == len(members) for online in fleet.online(SERVICE).values())


def test_a_second_rollout_of_the_service_is_refused_at_once_and_of_another_goes(fleet: Fleet) -> None:
    _, new = versions(fleet)
    other = fleet.lab.services["swagger_ui"]
    run = fleet.start("rollout", service=SERVICE, version=new)
    run.reached(r"TASK \[.*Stage the release|PLAY \[Change one member alone")
    began = time.monotonic()
    refused = fleet.play("rollout", service=SERVICE, version=new)
    assert refused.process.returncode != 0
    assert "locked" in refused.output
    assert "root@" in refused.output or "@" in refused.output, "the owner is named"
    assert time.monotonic() - began < 20
    beside = fleet.play("rollout", service=other.name, version=other.versions[1])
    assert beside.process.returncode == 0, beside.tail()
    assert run.wait() == 0, run.tail()
    fleet.must("rollback", service=other.name)


def test_a_rollout_that_is_asked_to_stop(fleet: Fleet) -> None:
    old, new = versions(fleet)
    run = fleet.start("rollout", service=SERVICE, version=new)
    run.reached(r"Change the others(.|\n)*TASK \[.*Take the member out")
    fleet.must("stop", service=SERVICE, reason="lunch")
    assert run.wait() != 0
    assert "was stopped" in run.output
    assert "lunch" in run.output
    active = fleet.active(SERVICE)
    assert set(active.values()) == {old, new}, "those in hand finished, no further one was taken"
    assert not any(fleet.leases(SERVICE).values())
    fleet.must("rollout", service=SERVICE, version=new)
    assert set(fleet.active(SERVICE).values()) == {new}


def test_going_back_needs_no_version_and_no_store(fleet: Fleet) -> None:
    old, new = published(fleet)
    fleet.must("rollout", service=SERVICE, version=new)
    store = fleet.lab.group("artifact_stores")[0].name
    fleet.on(store, "systemctl", "stop", "nginx")
    try:
        with fleet.watched(SERVICE) as seen:
            fleet.must("rollback", service=SERVICE)
    finally:
        fleet.on(store, "systemctl", "start", "nginx")
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert set(fleet.active(SERVICE).values()) == {old}, "without a version, and without the store"
    refused = fleet.play("rollback", service=SERVICE)
    assert refused.process.returncode != 0
    assert "no good release older than" in refused.output
    assert new in refused.output, "what can be had is listed"
