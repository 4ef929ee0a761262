# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launcher, LaunchError
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine, _gates, _gates_member, _providers
from ansible_collections.golden.fleet.plugins.plugin_utils._balancer_action import OPTIONS, BalancerAction, failure
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError
from ansible_collections.golden.fleet.plugins.plugin_utils._gates import OnMember
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_health import Target
from ansible_collections.golden.fleet.plugins.plugin_utils._growth import Growth, Host, NotProvenError, Outcome
from ansible_collections.golden.fleet.plugins.plugin_utils._joining import JoiningRounds
from ansible_collections.golden.fleet.plugins.plugin_utils._present import Present
from ansible_collections.golden.fleet.plugins.plugin_utils._scale import host_name, number_of

display = Display()

_SPEC = {
    **OPTIONS,
    "contract": {"type": "dict", "required": True},
    "version": {"type": "str", "required": True},
    "number": {"type": "int", "required": True},
    "provider": {"type": "str", "required": True},
    "settings": {"type": "dict", "required": True},
    "image": {"type": "str", "default": ""},
    "hosts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "zone": {"type": "str", "default": ""},
            "address": {"type": "str", "default": ""},
        },
    },
    "replacements": {"type": "int", "default": 0},
    "spare_from": {"type": "int", "default": 0},
    "admit_seconds": {"type": "float", "default": 30},
}


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {"argument_spec": _SPEC}

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        hosts = [Host(one["name"], one["zone"]) for one in params["hosts"]]
        balancers = self.balancers(params, task_vars)
        if self._task.check_mode:
            return _result(params, Outcome(), would=[host.name for host in hosts])
        same = {name: params[name] for name in ("number", "version")}
        same["lease_seconds"] = params["contract"]["lease_seconds"]
        there = {one["name"]: one["address"] for one in params["hosts"] if one["address"]}
        rounds = JoiningRounds(balancers, params["contract"]["listen"]["port"], params["admit_seconds"], same, there)
        try:
            with _launcher(params, there) as launcher:
                _refuse_too_many(launcher.room(), len(hosts) - len(there))
                growth = Growth(
                    launcher,
                    self._prover(params, task_vars, launcher),
                    rounds,
                    _spare(params, hosts),
                    params["replacements"],
                    display.display,
                )
                return _result(params, growth.run(hosts))
        except (ChangeError, HostError, LaunchError, _providers.ProviderError) as error:
            return failure(error)

    def _prover(
        self, params: Mapping[str, Any], task_vars: dict[str, Any], launcher: Launcher
    ) -> Callable[[str, str], None]:
        contract = params["contract"]
        on_member = self._on_member(params, task_vars, launcher)

        def prove(name: str, address: str) -> None:
            host = f"[{address}]" if ":" in address else address
            url = f"http://{host}:{contract['listen']['port']}"
            targets = [Target(url, url, domain=contract["pool"]["domain"])]
            try:
                outcomes = list(_gates.run(contract, name, params["version"], targets, on_member(name, address)))
            except HostError as error:
                # It says nothing of what the host carries.
                raise LaunchError(str(error)) from error
            if not outcomes[-1]["passed"]:
                raise NotProvenError(_gates.message(name, outcomes))

        return prove

    def _on_member(
        self, params: Mapping[str, Any], task_vars: dict[str, Any], launcher: Launcher
    ) -> Callable[[str, str], OnMember | None]:
        """By a host's name and address what runs test commands on it; nothing where no gate of the contract does."""
        contract, hostvars = params["contract"], task_vars["hostvars"]
        if not any(_gates.runs_on_member(gate) for gate in contract["gates"]):
            return lambda _name, _address: None
        # Proving has several threads; Ansible's variables and its plugin loader are made for one.
        known = {one["name"]: dict(hostvars[one["name"]]) for one in params["hosts"] if one["name"] in hostvars}
        one_by_one = threading.Lock()

        def on_member(name: str, address: str) -> OnMember:
            variables = {**(known.get(name) or launcher.variables(address)), "ansible_host": address}
            with one_by_one:
                connection = _engine.connection_by(self, variables, name)
            root = contract["release"]["root"]
            return _gates_member.runner(connection, name, _engine.python_of(variables), root)

        return on_member


def _launcher(params: Mapping[str, Any], there: Mapping[str, str]) -> Launcher:
    """What launches hosts from the image, and leaves those that are there alone; with no image, all have to be."""
    if not params["image"]:
        unknown = [one["name"] for one in params["hosts"] if one["name"] not in there]
        if unknown or params["replacements"]:
            raise AnsibleActionFail(f"no image is named to launch {', '.join(unknown) or 'replacements'} from")
        return Present(there)
    settings = params["settings"]
    return Present(there, _providers.launcher(params["provider"], settings, params["service"], params["image"]))


def _refuse_too_many(room: int, wanted: int) -> None:
    if wanted > room:
        raise AnsibleActionFail(
            f"{wanted} hosts are to be launched and the provider has room for {room}: nothing was begun"
        )


def _spare(params: Mapping[str, Any], hosts: list[Host]) -> Iterator[str]:
    first = max([params["spare_from"], *(number_of(host.name) + 1 for host in hosts)])
    return (host_name(params["service"], number) for number in itertools.count(first))


def _result(params: Mapping[str, Any], outcome: Outcome, would: Sequence[str] = ()) -> dict[str, Any]:
    joined = sorted([*outcome.joined, *would])
    named = {"service": params["service"]}
    return {
        "changed": bool(joined or outcome.replaced),
        "joined": outcome.joined,
        "replaced": outcome.replaced,
        "missing": outcome.missing,
        "unproven": outcome.unproven,
        "zones": outcome.zones,
        "diff": {"before": {**named, "joined": []}, "after": {**named, "joined": joined}},
    }
