# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/reboot.yml: emulated Windows hosts behind real HAProxy processes, under load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.haproxy import Fleet, Load, Member, fleet_fixture, wait_for
from tests.winlab import Host, Lab

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("web1", "web2", "web3")
VERSION = "web"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    yield from fleet_fixture("lb1")


@pytest.fixture
def lab(fleet: Fleet) -> Iterator[Lab]:
    """A host for each member, whose service goes and comes with it."""
    with Lab(3, prefix="web") as made:
        for host in made.hosts:
            _tie(host, fleet)
            host.set_hazards(boot_seconds=1)
        yield made


def _tie(host: Host, fleet: Fleet) -> None:
    """``boots_well`` of the host says whether its service is healthy after the next boot."""
    off, on = host.power_off, host.power_on
    address, port = fleet.members[host.name].address, fleet.members[host.name].port

    def power_off() -> bool:
        host.pools_at_boot = fleet.pools()  # type: ignore[attr-defined]
        was_on = off()
        if was_on:
            fleet.members[host.name].stop()
        return was_on

    def power_on() -> None:
        on()
        fleet.members[host.name] = Member(host.name, address, port)
        fleet.members[host.name].healthy = getattr(host, "boots_well", True)

    host.power_off, host.power_on = power_off, power_on  # type: ignore[method-assign]


def reboot(fleet: Fleet, lab: Lab, *more: str) -> subprocess.CompletedProcess[str]:
    running = start(fleet, lab, *more)
    out, err = running.communicate(timeout=180)
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def start(fleet: Fleet, lab: Lab, *more: str) -> subprocess.Popen[str]:
    folder = fleet.balancers["lb1"].folder.parent
    _write_service(folder / "roles" / "shop", fleet)
    balancers = {
        name: {**variables, "ansible_host": fleet.balancers[name].address}
        for name, variables in fleet.variables().items()
    }
    members = {host.name: {**lab.variables(host), "ansible_shell_type": "powershell"} for host in lab.hosts}
    groups = {"balancers": {"hosts": balancers}, "shop": {"hosts": members}}
    (folder / "hosts.json").write_text(json.dumps(groups))
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.Popen(
        [program, "-i", folder / "hosts.json", "playbooks/reboot.yml", *more],
        **{"cwd": ROOT, "stdout": -1, "stderr": -1, "text": True, "start_new_session": True},
        env={**os.environ, "ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_ROLES_PATH": str(folder / "roles")},
    )


def _write_service(role: Path, fleet: Fleet) -> None:
    (role / "tasks").mkdir(parents=True, exist_ok=True)
    (role / "tasks" / "main.yml").write_text("--- []\n")
    told: dict[str, Any] = fleet.contract
    contract = {
        "summary": "a shop",
        "listen": told["listen"],
        # What members answer is their name.
        "health": {"path": "/health", "timeout_seconds": 6, "version_pattern": f"({VERSION})"},
        "windows": {"service": "Shop", "executable": "Shop.exe"},
        "pool": {"domain": "shop.test", "maintenance_port": told["pool"]["maintenance_port"], "floor": 2, "window": 1},
    }
    (role / "contract.yml").write_text(yaml.safe_dump(contract))


def open_with_version(fleet: Fleet) -> None:
    """All are online with a release that the balancers know, as a rollout leaves them."""
    fleet.open()
    for balancer in fleet.balancers.values():
        record = {**balancer.record(), "versions": dict.fromkeys(NAMES, VERSION)}
        (balancer.folder / "shop.json").write_text(json.dumps(record))


def test_hosts_are_rebooted_one_after_the_other_and_nobody_notices(fleet: Fleet, lab: Lab) -> None:
    open_with_version(fleet)
    for name in ("web1", "web3"):
        lab[name].set_hazards(reboot_pending=True)
    seen = reboot(fleet, lab, "--check")
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert [host.boots for host in lab.hosts] == [0, 0, 0]
    with Load(fleet.balancers["lb1"]) as load:
        done = reboot(fleet, lab)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [host.boots for host in lab.hosts] == [1, 0, 1]
    # Each was out, and it alone, while it booted.
    for name in ("web1", "web3"):
        assert lab[name].pools_at_boot == {**dict.fromkeys(NAMES, "online"), name: "maintenance"}  # type: ignore[attr-defined]
    assert set(fleet.pools().values()) == {"online"}
    assert load.failures == []
    assert fleet.on("info")["lock"] is None
    again = reboot(fleet, lab)
    assert again.returncode == 0, again.stdout
    assert "rebooted: no host" in again.stdout
    assert [host.boots for host in lab.hosts] == [1, 0, 1]


def test_one_that_does_not_serve_stops_the_others_and_the_same_command_goes_on(fleet: Fleet, lab: Lab) -> None:
    open_with_version(fleet)
    pending = [lab["web1"], lab["web3"]]
    for host in pending:
        host.set_hazards(reboot_pending=True)
        host.boots_well = False  # type: ignore[attr-defined]
    failed = reboot(fleet, lab)
    assert failed.returncode != 0
    assert "not rebooted, or not serving again" in failed.stdout
    (first,) = [host for host in pending if host.boots == 1]
    (second,) = [host for host in pending if host.boots == 0]
    assert f"{first.name} (" in failed.stdout
    assert f"{second.name} (" in failed.stdout
    assert fleet.pools() == {**dict.fromkeys(NAMES, "online"), first.name: "maintenance"}
    # It is well again. The controller dies while the other one is booting.
    fleet.members[first.name].healthy = True
    second.boots_well = True  # type: ignore[attr-defined]
    dying = start(fleet, lab)
    wait_for("the second host boots", lambda: second.boots == 1, seconds=90)
    os.killpg(dying.pid, signal.SIGKILL)
    dying.communicate()
    assert fleet.pools() == {**dict.fromkeys(NAMES, "online"), second.name: "maintenance"}
    finished = reboot(fleet, lab)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert set(fleet.pools().values()) == {"online"}
    assert [host.boots for host in pending] == [1, 1]
