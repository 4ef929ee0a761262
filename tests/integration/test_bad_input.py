# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input: a clear error before anything is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.conftest import SERVICE, published, versions
from tests.integration.fleet import Fleet, Run

CONTRACT = f"{SERVICE}_contract"
KIND = {"rollout": "image"}


# What is asked for, and the words of its refusal.
CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "service": ("rollout", {"service": "datasett", "version": "1"}, ["datasett", "datasette"]),
    "no service": ("rollout", {"service": "", "version": "1"}, ["service"]),
    "an unknown version": ("rollout", {"version": "9.9"}, ["9.9", "0.64.8", "0.65.5"]),
    "a path for a version": ("rollout", {"version": "../../etc"}, ["no version name"]),
    "an empty version": ("rollout", {"version": ""}, ["no version name"]),
    "a version of 300 characters": ("rollout", {"version": "1" * 300}, ["300 characters"]),
    "a wrong key": ("rollout", {CONTRACT: {"pool": {"flor": 3}}}, ["pool.flor", "floor"]),
    "a wrong type": ("rollout", {CONTRACT: {"pool": {"floor": "much"}}}, ["pool.floor", "much"]),
    "a floor never met": ("rollout", {CONTRACT: {"pool": {"floor": 6}}}, ["6 members, floor 6"]),
    # Only asked for a release that the members don't hold.
    "store down": (
        "rollout",
        {"version": "0.0.1", "artifact_store_url": "http://127.0.0.1:9"},
        ["can't be reached"],
    ),
    "a version that nobody holds": ("rollback", {"version": "9.9"}, ["9.9", "can be had"]),
    "count": ("scale", {"service": "swagger_ui", "count": "many"}, ["'many' and not a number"]),
    "too few": ("scale", {"service": "swagger_ui", "count": 2}, ["swagger_ui: 2 is fewer than its 6 hosts"]),
    "no image": ("scale", {"count": 7}, ["datasette: there is no good image of"]),
    "hosts of a version without an artifact": (
        "rollout",
        {"version": "9.9", CONTRACT: KIND},
        ["9.9", "0.64.8", "0.65.5"],
    ),
    "no way back": (
        "rollback",
        {"version": "9.9", CONTRACT: KIND},
        ["can't go back to 9.9: no host of it is kept, and there is no image of it; can be had: "],
    ),
    "an image of a member that there is not": (
        "rollout",
        {CONTRACT: {**KIND, "bake": {"from": "member"}}},
        ["bake.from", "from: role"],
    ),
}


@pytest.fixture(scope="module")
def refused(raised: Fleet) -> dict[str, Run]:
    """Each case's run, ended; a few at a time."""
    (active,) = set(raised.active(SERVICE).values())
    other = next(version for version in published(raised) if version != active)

    def ended(playbook: str, asked: dict[str, Any]) -> Run:
        given = {"service": SERVICE, **({"version": other} if playbook == "rollout" else {}), **asked}
        return raised.play(playbook, **given)

    before = touchable(raised)
    with ThreadPoolExecutor(max_workers=3) as pool:
        runs = pool.map(lambda case: ended(*case[:2]), CASES.values())
        found = dict(zip(CASES, runs, strict=True))
    assert touchable(raised) == before
    return found


def touchable(fleet: Fleet) -> list[Any]:
    """What a run could have touched."""
    services = fleet.lab.services
    kept = [fleet.state(balancer.name, name) for balancer in fleet.lab.balancers for name in services]
    return [*kept, *(fleet.active(name) for name in services)]


@pytest.mark.parametrize("case", CASES)
def test_is_refused_and_touches_nothing(refused: dict[str, Run], case: str) -> None:
    run = refused[case]
    assert run.process.returncode != 0, run.tail()
    assert all(word in run.output for word in CASES[case][2]), run.tail()
    assert run.changed == 0


@contextlib.contextmanager
def stopped(fleet: Fleet, host: str, unit: str) -> Iterator[None]:
    fleet.on(host, "systemctl", "stop", unit)
    try:
        yield
    finally:
        fleet.on(host, "systemctl", "start", unit)


def test_a_balancer_that_is_gone_lets_nobody_be_taken_out(fleet: Fleet) -> None:
    old, new = versions(fleet)
    with stopped(fleet, "lb2", "haproxy"):
        run = fleet.play("rollout", service=SERVICE, version=new)
    assert run.process.returncode != 0
    assert "lb2" in run.output
    assert set(fleet.active(SERVICE).values()) == {old}


def test_a_test_command_that_is_not_there_refuses_admission(fleet: Fleet) -> None:
    old, new = versions(fleet)
    gates = [{"name": "suite", "command": ["no-such-program"], "results": "*.xml"}]
    run = fleet.play("rollout", service=SERVICE, version=new, **{CONTRACT: {"gates": gates}})
    assert run.process.returncode != 0
    assert "no-such-program" in run.output
    assert set(fleet.active(SERVICE).values()) == {old}, run.tail()
