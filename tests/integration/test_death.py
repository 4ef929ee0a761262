# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any death is survivable: customers see nothing, and the same command again finishes the job."""

from __future__ import annotations

import signal
import time

from tests.integration.conftest import SERVICE, versions
from tests.integration.fleet import Fleet, Run


def a_lease(fleet: Fleet, run: Run) -> None:
    run.reached(r"TASK \[.*Take the member out")
    run.until(lambda: bool(fleet.state("lb1", SERVICE)["leases"]), "a lease")


def drained(fleet: Fleet, run: Run) -> None:
    def out() -> bool:
        leases = fleet.state("lb2", SERVICE)["leases"]
        return any(lease["phase"] == "maintenance" for lease in leases.values())

    run.reached(r"TASK \[.*Take the member out")
    run.until(out, "a member that is drained")


def the_switch(fleet: Fleet, run: Run) -> None:
    _, new = versions(fleet)
    run.reached(r"TASK \[.*Switch it to the release")
    run.until(lambda: fleet.on("web1", "readlink", f"/srv/{SERVICE}/current").strip().endswith(new), "the switch")


def the_gates(fleet: Fleet, run: Run) -> None:
    run.reached(r"TASK \[.*Prove it in the maintenance pool")


def the_gates_of_the_window(fleet: Fleet, run: Run) -> None:
    run.reached(r"Change the others(.|\n)*TASK \[.*Prove it in the maintenance pool")


def test_a_controller_that_is_killed_at_each_stage(fleet: Fleet) -> None:
    """The same command dies again and again, each time a stage further; the last one finishes."""
    _, new = versions(fleet)
    with fleet.watched(SERVICE) as seen:
        for moment in (a_lease, drained, the_switch, the_gates, the_gates_of_the_window):
            run = fleet.start("rollout", service=SERVICE, version=new)
            moment(fleet, run)
            run.kill()
        again = fleet.must("rollout", service=SERVICE, version=new)
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert set(fleet.active(SERVICE).values()) == {new}, again.tail()
    assert not any(fleet.leases(SERVICE).values())


def test_what_a_dead_controller_still_did_after_the_members_were_looked_at_is_seen(fleet: Fleet) -> None:
    _, new = versions(fleet)
    first = fleet.start("rollout", service=SERVICE, version=new)
    the_gates(fleet, first)
    first.kill()
    out = sorted(fleet.online(SERVICE)["lb1"])
    service = fleet.lab.services[SERVICE]
    last = {
        "service": SERVICE,
        "number": fleet.state("lb1", SERVICE)["lock"]["number"],
        "version": new,
        "admitted": next(member for member in service.members if member not in out),
        # As many as the floor lets go: who was admitted could be taken out again by nobody.
        "out": [out[0], out[-1]],
    }
    with fleet.held_before("Take the lock of the service", "rollout", service=SERVICE, version=new) as again:
        fleet.must("tests/integration/last_steps.yml", last_steps=last)
        floor = len(fleet.online(SERVICE)["lb1"])
    assert again.wait(120) == 0, again.tail()
    assert floor == service.floor
    assert set(fleet.active(SERVICE).values()) == {new}, again.tail()
    assert not any(fleet.leases(SERVICE).values())


def test_a_controller_that_was_stopped_and_wakes_after_its_lock_went_to_another(fleet: Fleet) -> None:
    _, new = versions(fleet)
    # Every step short, so that the lock expires soon.
    short = {
        "lock_seconds": 10,
        "release": {"prepare_timeout_seconds": 15, "activate_timeout_seconds": 15},
        "health": {"timeout_seconds": 8},
        "pool": {"drain_seconds": 5},
        "gates": [],
    }
    asked = {"service": SERVICE, "version": new, f"{SERVICE}_contract": short}
    with fleet.watched(SERVICE) as seen:
        first = fleet.start("rollout", **asked)
        first.reached(r"Change the others(.|\n)*TASK \[.*Switch it to the release")
        first.signal(signal.SIGSTOP)
        refused = fleet.play("rollout", **asked)
        assert refused.process.returncode != 0
        assert "lock" in refused.output
        lock = fleet.state("lb1", SERVICE)["lock"]
        time.sleep(max(0.0, lock["until"] - time.time()) + 1)  # by the balancer's clock, which is this machine's
        fleet.must("rollout", **asked)
        states = {lb.name: fleet.state(lb.name, SERVICE) for lb in fleet.lab.balancers}
        fences = fleet.on("web1", "cat", f"/srv/{SERVICE}/fence.json")
        online = fleet.online(SERVICE)
        first.signal(signal.SIGCONT)
        assert first.wait() != 0
        assert "superseded" in first.output
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert {lb.name: fleet.state(lb.name, SERVICE) for lb in fleet.lab.balancers} == states
    assert fleet.on("web1", "cat", f"/srv/{SERVICE}/fence.json") == fences
    assert fleet.online(SERVICE) == online
    assert set(fleet.active(SERVICE).values()) == {new}


def test_a_balancer_that_restarts_in_the_middle(fleet: Fleet) -> None:
    _, new = versions(fleet)
    with fleet.watched(SERVICE) as seen:
        run = fleet.start("rollout", service=SERVICE, version=new)
        run.reached(r"TASK \[.*Switch it to the release")
        fleet.on("lb2", "systemctl", "kill", "--signal=SIGKILL", "haproxy")
        run.reached(r"Change the others(.|\n)*TASK \[.*Take the member out")
        fleet.on("lb2", "systemctl", "restart", "haproxy")
        assert run.wait() == 0, run.tail()
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor, restarted="lb2")
    assert set(fleet.active(SERVICE).values()) == {new}
    assert not any(fleet.leases(SERVICE).values())


def test_a_drained_member_stays_drained_when_its_balancer_restarts(fleet: Fleet) -> None:
    _, new = versions(fleet)
    run = fleet.start("rollout", service=SERVICE, version=new)
    drained(fleet, run)
    run.kill()
    before = fleet.online(SERVICE)
    assert all(len(online) == len(fleet.lab.services[SERVICE].members) - 1 for online in before.values())
    for balancer in ("lb1", "lb2"):
        fleet.on(balancer, "systemctl", "restart", "haproxy")
    assert fleet.online(SERVICE) == before
    fleet.must("rollout", service=SERVICE, version=new)
    assert all(len(online) == len(before["lb1"]) + 1 for online in fleet.online(SERVICE).values())


def test_a_whole_balancer_that_reboots_in_the_middle(fleet: Fleet) -> None:
    _, new = versions(fleet)
    with fleet.watched(SERVICE) as seen:
        run = fleet.start("rollout", service=SERVICE, version=new)
        run.reached(r"TASK \[.*Switch it to the release")
        fleet.podman("restart", "--time", "2", fleet.container("lb2"))
        assert run.wait() == 0, run.tail()
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor, restarted="lb2")
    assert set(fleet.active(SERVICE).values()) == {new}
