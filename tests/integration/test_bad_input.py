# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input: a clear error before anything is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import SERVICE, versions
from tests.integration.fleet import Fleet

CONTRACT = f"{SERVICE}_contract"


@pytest.mark.parametrize(
    ("playbook", "asked", "words"),
    [
        pytest.param("rollout", {"service": "datasett", "version": "1"}, ["datasett", "datasette"], id="service"),
        pytest.param("rollout", {}, ["service"], id="no service"),
        pytest.param("rollout", {"version": "9.9"}, ["9.9", "0.64.8", "0.65.5"], id="an unknown version"),
        pytest.param("rollout", {"version": "../../etc"}, ["no version name"], id="a path for a version"),
        pytest.param("rollout", {"version": ""}, ["no version name"], id="an empty version"),
        pytest.param("rollout", {"version": "1" * 300}, ["300 characters"], id="a version of 300 characters"),
        pytest.param("rollout", {CONTRACT: {"pool": {"flor": 3}}}, ["pool.flor", "floor"], id="a wrong key"),
        pytest.param("rollout", {CONTRACT: {"pool": {"floor": "much"}}}, ["pool.floor", "much"], id="a wrong type"),
        pytest.param("rollout", {CONTRACT: {"pool": {"floor": 6}}}, ["6 members, floor 6"], id="a floor never met"),
        pytest.param("rollout", {"artifact_store_url": "http://127.0.0.1:9"}, ["can't be reached"], id="store down"),
        pytest.param("rollback", {"version": "9.9"}, ["9.9", "can be had"], id="a version that nobody holds"),
    ],
)
def test_is_refused_and_touches_nothing(fleet: Fleet, playbook: str, asked: dict[str, Any], words: list[str]) -> None:
    _, new = versions(fleet)
    members = fleet.lab.services[SERVICE].members
    if "artifact_store_url" in asked:  # only asked for a release that the members don't hold
        new = "0.0.1"
    before = (fleet.active(SERVICE), fleet.state("lb1", SERVICE))
    given = {"service": SERVICE, "version": new, **asked} if asked else {}
    run = fleet.play(playbook, **given)
    assert run.process.returncode != 0, run.tail()
    assert all(word in run.output for word in words), run.tail()
    assert (fleet.active(SERVICE), fleet.state("lb1", SERVICE)) == before
    assert len(members) == len(before[0])


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
