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


def start(
    fleet: Fleet, lab: Lab, *more: str, playbook: Path = ROOT / "playbooks" / "reboot.yml"
) -> subprocess.Popen[str]:
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
        [program, "-i", folder / "hosts.json", playbook, *more],
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


ROLLOUT = {
    "owner": {"name": "anna@desk", "machine": "another"},
    "rollout": "shop-2.0-20250101T000000Z",
    "version": "2.0",
    "ttl": 60,
}


def test_while_a_rollout_runs_no_host_is_rebooted_whether_it_has_taken_it_out_or_not(fleet: Fleet, lab: Lab) -> None:
    open_with_version(fleet)
    number = fleet.on("lock", **ROLLOUT)["number"]
    for op in ("reserve", "drain"):
        fleet.on(op, member="web1", number=number, lease_seconds=60, seconds=1)
    assert fleet.pools()["web1"] == "maintenance"
    lab["web1"].set_hazards(reboot_pending=True)
    refused = reboot(fleet, lab)
    assert refused.returncode != 0
    assert f"web1 ({ROLLOUT['rollout']} has it" in refused.stdout
    # One that it has not taken out yet, and one that is in neither pool, which it may bring in at any moment.
    lab["web1"].set_hazards(reboot_pending=False)
    lab["web2"].set_hazards(reboot_pending=True)
    for pool in ("online", "out"):
        if pool == "out":
            fleet.balancers["lb1"].runtime.tell("set server shop/web2 state maint")
        assert fleet.pools()["web2"] == pool
        refused = reboot(fleet, lab)
        assert refused.returncode != 0
        assert f"anna@desk holds the lock for {ROLLOUT['rollout']}" in refused.stdout
    assert [host.boots for host in lab.hosts] == [0, 0, 0]
    assert fleet.on("info")["lock"]["number"] == number
    # Once it has ended, the one in neither pool is just rebooted.
    fleet.on("unlock", number=number)
    done = reboot(fleet, lab)
    assert done.returncode == 0, done.stdout
    assert [host.boots for host in lab.hosts] == [0, 1, 0]
    assert fleet.pools()["web2"] == "out"
    assert fleet.on("info")["lock"] is None


# As when the lock has gone to a rollout and come back; here this very run admits the host.
ADMITTED = """
- name: Plan with the host in neither pool
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Open
      ansible.builtin.include_role:
        name: golden.fleet.reboot
        tasks_from: open.yml
      vars: &told
        reboot_contracts: "{{ lookup('golden.fleet.contracts') }}"
        reboot_balancers: [lb1]
        reboot_pending_hosts: {web1: true}

- name: Reboot it, others having admitted it in between
  hosts: web1
  gather_facts: false
  tasks:
    - name: Admit it
      golden.fleet.pool_member:
        state: "{{ item }}"
        balancers: [lb1]
        service: shop
        number: "{{ hostvars['localhost'].reboot_opened.numbers.shop }}"
      loop: [maintenance, online]
      when: admitted

    - name: Lose the lock to them
      golden.fleet.rollout_lock:
        state: held
        balancers: [lb1]
        service: shop
        rollout: shop-3.0-x
        version: "3.0"
        owner: {name: anna@desk, machine: another}
        steal: true
      when: stolen

    - name: Reboot
      ansible.builtin.include_role:
        name: golden.fleet.reboot
      vars:
        <<: *told
        reboot_pending: true
        reboot_opened: "{{ hostvars['localhost'].reboot_opened }}"

    - name: Say how it went
      ansible.builtin.debug:
        msg: "went: {{ reboot_outcome.result }} {{ reboot_outcome.detail }}"
"""


@pytest.mark.parametrize(
    ("meanwhile", "went", "boots"),
    [
        pytest.param({"admitted": False, "stolen": False}, "rebooted", 1, id="nothing"),
        pytest.param({"admitted": True, "stolen": False}, "untouched customers of shop reach it", 0, id="admitted"),
        pytest.param({"admitted": False, "stolen": True}, "untouched lb1: anna@desk holds", 0, id="lock lost"),
    ],
)
def test_a_host_without_customers_is_looked_at_again_under_the_lock_right_before_it_is_rebooted(
    fleet: Fleet, lab: Lab, tmp_path: Path, meanwhile: dict[str, bool], went: str, boots: int
) -> None:
    playbook = tmp_path / "admitted.yml"
    playbook.write_text(ADMITTED)
    lab["web1"].set_hazards(reboot_pending=True)
    running = start(fleet, lab, "-e", json.dumps(meanwhile), playbook=playbook)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    assert f"went: {went}" in out, out
    assert lab["web1"].boots == boots
    assert fleet.pools()["web1"] == ("online" if meanwhile["admitted"] else "out")
