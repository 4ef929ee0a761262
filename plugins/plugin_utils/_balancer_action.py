# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions on balancers share: options, the way to the engine on each balancer, and the form of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._names import check_service
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import ShareError, count_of
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Balancers, ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._controller_action import ControllerAction

# Documented in doc_fragments/_balancers.py.
OPTIONS: dict[str, Any] = {
    "balancers": {"type": "list", "elements": "str", "required": True},
    "service": {"type": "str", "required": True},
    "reach_seconds": {"type": "float", "default": 60},
}

# Host variables of a balancer where things aren't in their usual place, or its HAProxy may be away for longer.
_PLACES = {
    "state_dir": "fleet_state_dir",
    "socket": "fleet_haproxy_socket",
    "master_socket": "fleet_haproxy_master_socket",
    "config": "fleet_haproxy_config",
    "patience_seconds": "fleet_haproxy_patience_seconds",
}

display = Display()


class BalancerAction(ControllerAction):
    """An action that speaks with the balancers of a service."""

    def balancers(self, params: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Balancers:
        """The balancers that the options name, their pools of the service."""
        names, service = params["balancers"], params["service"]
        try:
            check_service(service)
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from error
        hostvars = task_vars["hostvars"]
        unknown = [name for name in names if name not in hostvars]
        if unknown:
            raise AnsibleActionFail(f"balancers that are not in the inventory: {', '.join(unknown)}")
        # Balancers are asked from several threads; Ansible's variables and its plugin loader are made for one.
        try:
            connections = {name: _engine.connect(self, dict(task_vars), name) for name in names}
        except _engine.HostError as error:
            raise AnsibleActionFail(str(error)) from error
        places = {name: _places(hostvars[name]) for name in names}
        pythons = {name: _engine.python_of(hostvars[name]) for name in names}

        def call(name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
            given = {**places[name], **asked, "service": service, "check_mode": self._task.check_mode}
            return _engine.run(connections[name], name, "_pool", given, pythons[name])

        about = task_vars.get("inventory_hostname", service)
        try:
            return Balancers(
                names,
                call,
                lambda text: display.v(f"{about}: {text}"),
                lambda text: display.warning(f"{about}: {text}"),
                params["reach_seconds"],
            )
        except ChangeError as error:
            raise AnsibleActionFail(str(error)) from error


def _places(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {key: variables[variable] for key, variable in _PLACES.items() if variable in variables}


def check_shares(params: Mapping[str, Any], *names: str) -> None:
    """Refuses options that are neither a count nor a percentage."""
    for name in names:
        try:
            count_of(params[name], 100)
        except ShareError as error:
            raise AnsibleActionFail(f"{name}: {error}") from error


def failure(error: Exception) -> dict[str, Any]:
    """The result of a change that wasn't made."""
    return {"failed": True, "changed": False, "refusal": None, **getattr(error, "more", {}), "msg": str(error)}
