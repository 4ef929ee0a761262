# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a host that is launched proves itself: by the gates, those that run on the host itself among them."""

from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.action.launch_members import ActionModule
from ansible_collections.golden.fleet.plugins.module_utils._podman.reaching import variables
from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import LaunchError
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine, _gates, _gates_member
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import UnreachableError
from ansible_collections.golden.fleet.plugins.plugin_utils._growth import NotProvenError
from ansible_collections.golden.fleet.plugins.plugin_utils._present import Present

CONTRACT = {"listen": {"port": 8001}, "pool": {"domain": "web.example"}, "release": {"root": "/srv/web"}}
GATE = {"name": "suite", "command": ["suite"], "results": "*.xml", "format": "auto", "timeout_seconds": 30}
THERE = {"name": "web1", "address": "10.0.0.1"}


class Launcher:
    def variables(self, address):
        return variables(address, "/lab", "web")


@pytest.fixture
def prover(monkeypatch):
    """Proves hosts by an outcome of the gates; returns what ran on them, each with the variables that led there."""
    ran = []
    monkeypatch.setattr(_engine, "connection_by", lambda action, variables, name: variables)
    monkeypatch.setattr(_gates_member, "runner", lambda *way: ran.append(way) or "runner")

    def prove(name, address, outcome=True, launcher=None, **gate):
        def run(contract, member, version, targets, on_member):
            assert [target.url for target in targets] == [f"http://{address}:8001"]
            assert on_member == ("runner" if gate.get("runs_on") == "member" else None)
            if isinstance(outcome, Exception):
                raise outcome
            yield {"name": "suite", "passed": outcome, "detail": "", "failures": [], "tests": 1, "seconds": 1}

        monkeypatch.setattr(_gates, "run", run)
        contract = {**CONTRACT, "gates": [{**GATE, **gate}]}
        params = {"contract": contract, "version": "1.0", "hosts": [THERE, {"name": "web-2"}]}
        hostvars = {"web1": {"ansible_user": "admin", "ansible_python_interpreter": "/opt/python3"}}
        launcher = launcher or Present({"web1": "10.0.0.1"}, Launcher())
        ActionModule._prover(ActionModule.__new__(ActionModule), params, {"hostvars": hostvars}, launcher)(
            name, address
        )
        return ran

    return prove


def test_nothing_connects_where_no_gate_runs_on_the_host(prover):
    assert prover("web-2", "10.0.0.2") == []


def test_a_launched_host_is_reached_as_its_provider_says(prover):
    ((connection, name, python, root),) = prover("web-2", "10.0.0.2", runs_on="member")
    assert connection == variables("10.0.0.2", "/lab", "web")
    assert connection["ansible_host"] == "10.0.0.2"
    assert (name, python, root) == ("web-2", "/usr/bin/python3", "/srv/web")


def test_a_host_of_the_inventory_is_reached_as_that_says(prover):
    ((connection, _name, python, _root),) = prover("web1", "10.0.0.1", runs_on="member")
    assert (connection["ansible_user"], connection["ansible_host"]) == ("admin", "10.0.0.1")
    assert python == "/opt/python3"


def test_a_host_that_nobody_knows_the_way_to(prover):
    with pytest.raises(LaunchError, match="nobody knows how"):
        prover("web-2", "10.0.0.2", launcher=Present({"web-2": "10.0.0.2"}), runs_on="member")


def test_a_gate_that_isnt_passed_is_the_releases_fault(prover):
    with pytest.raises(NotProvenError, match="web-2 failed the gate suite"):
        prover("web-2", "10.0.0.2", outcome=False, runs_on="member")


def test_a_host_out_of_reach_is_not(prover):
    with pytest.raises(LaunchError, match="web-2: can't be reached"):
        prover("web-2", "10.0.0.2", outcome=UnreachableError("web-2", "can't be reached"), runs_on="member")
