# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Growing and shrinking under load: controllers that die on the way, hosts that never boot, a provider that refuses."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.lab import Lab
from tests.integration.fleet import INVENTORY, Fleet, Run

SERVICE = "swagger_ui"
DECLARED = 6


def launched(fleet: Fleet) -> list[str]:
    """The hosts that were launched and are there, in whatever state."""
    first = fleet.container("swagger-ui-")
    names = fleet.podman("ps", "--all", "--format", "{{.Names}}").split()
    return sorted(name.removeprefix(fleet.container("")) for name in names if name.startswith(first))


def until(happened: Callable[[], bool], run: Run, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, run.tail()
        assert run.process.poll() is None, run.tail()
        time.sleep(0.05)


def online(fleet: Fleet) -> dict[str, int]:
    """How many members are online, by balancer, of those that the inventory has now."""
    now = Fleet(Lab.read(INVENTORY))
    return {name: len(members) for name, members in now.online(SERVICE).items()}


@pytest.fixture
def baked(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet with an image of what the service runs, and as many members as the inventory has."""
    fleet.must("bake", service=SERVICE)
    fleet.must("scale", service=SERVICE, count=DECLARED)
    yield fleet
    fleet.must("scale", service=SERVICE, count=DECLARED)
    assert launched(fleet) == []


def podman(folder: Path, on_run: str) -> dict[str, str]:
    """The environment in which ``podman run`` is done as the shell commands say; all else is podman's own."""
    script = folder / "podman"
    script.write_text(
        f'#!/bin/sh\nPATH=${{PATH#{folder}:}}\nif [ "$1" = run ]; then\n{on_run}\nfi\nexec podman "$@"\n',
        encoding="ascii",
    )
    script.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_it_grows_and_shrinks_through_the_death_of_its_controller(baked: Fleet) -> None:
    floor = baked.lab.services[SERVICE].floor
    with baked.watched(SERVICE) as seen:
        run = baked.start("scale", service=SERVICE, count=DECLARED + 3)
        until(lambda: len(launched(baked)) > 0, run)
        run.signal(signal.SIGKILL)
        grown = baked.must("scale", service=SERVICE, count=DECLARED + 3)
        assert "joined" in grown.output
        assert online(baked) == {"lb1": DECLARED + 3, "lb2": DECLARED + 3}
        assert len(launched(baked)) == 3
        again = baked.must("scale", service=SERVICE, count=DECLARED + 3)
        assert again.changed == 0
        provisioned = baked.must("provision", service=SERVICE)
        assert provisioned.changed == 0, "no role has anything to do on a host out of the image, nor on the balancers"

        run = baked.start("scale", service=SERVICE, count=DECLARED)
        until(lambda: any(baked.leases(SERVICE).values()), run)
        run.signal(signal.SIGKILL)
        baked.must("scale", service=SERVICE, count=DECLARED)
    seen[0].assert_nothing_lost(floor)
    assert launched(baked) == []
    assert online(baked) == {"lb1": DECLARED, "lb2": DECLARED}
    assert not any(baked.leases(SERVICE).values())
    assert set(baked.state("lb1", SERVICE)["members"]) == set(baked.lab.services[SERVICE].members)


def test_a_host_that_never_boots_is_replaced(baked: Fleet, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    # The host that is asked for first never boots, also where podman refuses an address and it is asked for again.
    first = f"""    host=$(echo "$*" | sed 's/.* --name \\([^ ]*\\) .*/\\1/')
    echo "$host" >>{asked}
    [ "$(head -n 1 {asked})" != "$host" ] || exec podman "$@" sleep infinity"""
    baked.env = podman(tmp_path, first)
    contract = {f"{SERVICE}_contract": {"scale": {"replacements": 1}}}
    try:
        run = baked.must("scale", service=SERVICE, count=DECLARED + 2, provider_podman_wait_seconds=20, **contract)
    finally:
        baked.env = {}
    assert " is replaced by " in run.output
    assert online(baked) == {"lb1": DECLARED + 2, "lb2": DECLARED + 2}
    assert len(launched(baked)) == 2


def test_a_provider_that_refuses_leaves_nothing_half_made(baked: Fleet, tmp_path: Path) -> None:
    baked.env = podman(tmp_path, '    echo "no space left on device" >&2\n    exit 125')
    try:
        run = baked.play("scale", service=SERVICE, count=DECLARED + 2)
    finally:
        baked.env = {}
    assert run.process.returncode != 0
    assert "2 of the 8 members wanted are missing" in run.output
    assert "no space left on device" in run.output
    assert launched(baked) == []
    assert baked.state("lb1", SERVICE)["lock"] is None
    assert online(baked) == {"lb1": DECLARED, "lb2": DECLARED}
