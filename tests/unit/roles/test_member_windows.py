# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role member on an emulated Windows host behind a real HAProxy, whose service doesn't do as it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.haproxy import Fleet, fleet_fixture
from tests.unit.windows import WINDOWS, Direct, Store, changed, make_ready, state_of, store_fixture
from tests.winlab import Host, Lab

CHECKOUT = Path(__file__).resolve().parents[3]
ANSWERS = "answers: {/health: [200, VERSION]}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    yield from store_fixture(tmp_path_factory.mktemp("store"), "127.0.77.250")


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    yield from fleet_fixture("lb1")


@pytest.fixture
def lab(fleet: Fleet, store: Store) -> Iterator[Lab]:
    """web1 is a Windows host that runs 1.0.0; all members are online."""
    member = fleet.members["web1"]
    member.stop()
    with Lab(names=["web1"], addresses=[member.address]) as lab:
        make_ready(lab["web1"], member.port)
        first = store.artifact("1.0.0", ANSWERS)
        for state in ("staged", "active", "good"):
            told = changed(Direct(lab["web1"]), WINDOWS, state, first)
            assert told.get("changed"), told
        fleet.open()
        yield lab
        lab["web1"].clear_hazards()


def carry(fleet: Fleet, lab: Lab, version: str) -> dict[str, Any]:
    """What the role leaves as its outcome."""
    folder = fleet.balancers["lb1"].folder.parent
    _write_service(folder / "roles" / "shop", fleet)
    balancers = {
        name: {**variables, "ansible_host": fleet.balancers[name].address}
        for name, variables in fleet.variables().items()
    }
    members = {"web1": {**lab.variables(lab["web1"]), "ansible_shell_type": "powershell"}, "web2": {}, "web3": {}}
    groups = {"balancers": {"hosts": balancers}, "shop": {"hosts": members}}
    (folder / "hosts.json").write_text(json.dumps(groups))
    about = {"balancers": ["lb1"], "service": "shop"}
    role = {
        "member_contract": "{{ lookup('golden.fleet.contract', 'shop') }}",
        "member_version": version,
        "member_previous": "1.0.0",
        "member_balancers": ["lb1"],
        "member_number": "{{ lock.number }}",
        "member_rollout": "r1",
    }
    seen = {"content": "{{ member_outcome | to_json }}", "dest": str(folder / "outcome.json")}
    here = {"delegate_to": "localhost", "vars": {"ansible_connection": "local", "ansible_shell_type": "sh"}}
    held = {"state": "held", "rollout": "r1", "version": version, **about}
    book = {
        "hosts": "web1",
        "gather_facts": False,
        "tasks": [
            {"golden.fleet.rollout_lock": held, "register": "lock"},
            {"ansible.builtin.include_role": {"name": "golden.fleet.member"}, "vars": role},
            {"ansible.builtin.copy": seen, **here},
        ],
    }
    (folder / "play.json").write_text(json.dumps([book]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", folder / "hosts.json", folder / "play.json"],
        **{"cwd": CHECKOUT, "capture_output": True, "text": True, "timeout": 120},
        env={**os.environ, "ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_ROLES_PATH": str(folder / "roles")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "outcome.json").read_text())


def _write_service(role: Path, fleet: Fleet) -> None:
    (role / "tasks").mkdir(parents=True, exist_ok=True)
    (role / "tasks" / "main.yml").write_text("--- []\n")
    told: dict[str, Any] = fleet.contract
    contract = {
        "summary": "a shop",
        "listen": told["listen"],
        "health": {"path": "/health", "timeout_seconds": 4, "version_pattern": r"(\d+\.\d+\.\d+)"},
        "windows": WINDOWS,
        "release": {"activate_timeout_seconds": 2},
        "pool": {"domain": "shop.test", "maintenance_port": told["pool"]["maintenance_port"], "floor": 1, "window": 1},
    }
    (role / "contract.yml").write_text(yaml.safe_dump(contract))


@pytest.mark.parametrize(
    ("program", "hazards", "result", "state"),
    [
        pytest.param("start_error: it is broken", {}, "turned_back", "bad", id="the new one doesn't start"),
        pytest.param(ANSWERS, {"stop_failures": {"shop": ""}}, "turned_back", "staged", id="what runs refuses to stop"),
        pytest.param(ANSWERS, {"stop_hangs": {"shop"}}, "out", "staged", id="what runs hangs while it stops"),
        pytest.param(ANSWERS, {"start_hangs": {"shop"}}, "out", "staged", id="the new one hangs while it starts"),
    ],
)
def test_a_service_that_does_not_do_as_it_is_told(
    fleet: Fleet, lab: Lab, store: Store, program: str, hazards: dict[str, Any], result: str, state: str
) -> None:
    host: Host = lab["web1"]
    changed(Direct(host), WINDOWS, "staged", store.artifact("1.1.0", program))
    host.set_hazards(**hazards)
    outcome = carry(fleet, lab, "1.1.0")
    assert outcome["result"] == result, outcome
    assert outcome["unproven"] == ("start" in str(hazards) or not hazards)
    assert fleet.pools()["web1"] == ("online" if result == "turned_back" else "maintenance")
    told = changed(Direct(host), WINDOWS, "staged", {"version": "1.1.0"})
    assert (told["active"], state_of(told)["1.1.0"]) == ("1.0.0", state)
    assert "1.0.0-" in host.services.find("shop").path  # type: ignore[union-attr]
    if result == "out":  # and can be brought in once it has ended
        host.clear_hazards()
        assert changed(Direct(host), WINDOWS, "active", {"version": "1.0.0"})["changed"]
