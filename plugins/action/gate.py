# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._names import check_version
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import ReleaseError
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine, _gates, _gates_member, _gates_windows
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError, maintenance_port
from ansible_collections.golden.fleet.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError
from ansible_collections.golden.fleet.plugins.plugin_utils._gates import OnMember
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_health import Target
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import WindowsModules, is_windows

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": {
            "contract": {"type": "dict", "required": True},
            "member": {"type": "str"},
            "version": {"type": "str", "required": True},
            "balancers": {"type": "list", "elements": "str"},
            "urls": {"type": "list", "elements": "str"},
        },
        "mutually_exclusive": [("balancers", "urls")],
        "required_one_of": [("balancers", "urls")],
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        contract = params["contract"]
        member = params["member"] or task_vars["inventory_hostname"]
        try:
            version = check_version(params["version"])
            targets = _targets(contract, member, params, task_vars.get("hostvars", {}))
        except (ValueError, ContractError) as error:
            raise AnsibleActionFail(str(error)) from error
        if self._task.check_mode:
            return {"changed": False, "passed": None, "gates": [], "msg": _would(contract, version, targets)}
        outcomes = []
        try:
            for outcome in _gates.run(contract, member, version, targets, self._on_member(contract, member, task_vars)):
                outcomes.append(outcome)
                verdict = "passed" if outcome["passed"] else "failed"
                display.v(f"{member}: {verdict} {outcome['name']} in {outcome['seconds']:g} s: {outcome['detail']}")
        except ReleaseError as error:
            raise AnsibleActionFail(str(error)) from error
        except HostError as error:
            # Not Ansible's "unreachable", which skips rescue; and without a verdict, as it says nothing of the release.
            about = {"changed": False, "gates": outcomes, "msg": str(error)}
            return {**about, "failed": True, "unreachable_host": True, "kind": "unreachable"}
        passed = outcomes[-1]["passed"]
        result = {"changed": False, "passed": passed, "gates": outcomes, "msg": _gates.message(member, outcomes)}
        return result if passed else {**result, "failed": True, "kind": "gate"}

    def _on_member(self, contract: Mapping[str, Any], member: str, task_vars: dict[str, Any]) -> OnMember | None:
        """What runs commands on the member; None where the contract has no such gate, so that nothing connects."""
        if not any(_gates.runs_on_member(gate) for gate in contract["gates"]):
            return None
        connection = _engine.connect(self, task_vars, member)
        if not is_windows(connection):
            python = _engine.python_of(task_vars["hostvars"][member])
            return _gates_member.runner(connection, member, python, contract["release"]["root"])
        if connection is not self._connection:
            raise AnsibleActionFail(f"a test command runs on {member}, a Windows host: only from a task for that host")
        return _gates_windows.runner(WindowsModules(self, task_vars), contract.get("windows"))


def _targets(
    contract: Mapping[str, Any], member: str, params: Mapping[str, Any], hostvars: Mapping[str, Any]
) -> list[Target]:
    """The ways to the member: its port on each balancer, or the URLs that lead to it without one."""
    if params["urls"] is not None:
        ways = [Target(url, url.rstrip("/"), domain=contract["pool"]["domain"]) for url in params["urls"]]
        wrong = [way.name for way in ways if not way.url.startswith(("http://", "https://"))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} in urls is not an http or https URL")
    else:
        ways = [_through(balancer, contract, member, hostvars) for balancer in params["balancers"]]
    if not ways:
        raise ValueError(f"there is no way to {member}: neither balancers nor urls name one")
    return ways


def _through(balancer: str, contract: Mapping[str, Any], member: str, hostvars: Mapping[str, Any]) -> Target:
    if balancer not in hostvars:
        raise ValueError(f"the balancer {balancer} is not in the inventory")
    address = str(hostvars[balancer].get("ansible_host", balancer))
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{maintenance_port(contract, member)}"
    return Target(f"{member} through {balancer}", url, member, contract["pool"]["domain"])


def _would(contract: Mapping[str, Any], version: str, targets: list[Target]) -> str:
    health = contract["health"]
    asked = " and ".join(f"{target.url}{health['path']}" for target in targets)
    gates = "".join(
        f", then run {gate['name']}{_where(gate)}: {' '.join(gate['command'])}" for gate in contract["gates"]
    )
    return f"would ask {asked} for status {health['status']} and version {version}{gates}"


def _where(gate: Mapping[str, Any]) -> str:
    return " on the member" if _gates.runs_on_member(gate) else ""
