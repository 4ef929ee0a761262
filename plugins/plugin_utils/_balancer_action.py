# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions on balancers share: the way to the engine on each balancer, and the form of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._names import check_service
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Balancers, ChangeError

# Host variables of a balancer where things aren't in their usual place, or its HAProxy may be away for longer.
_PLACES = {
    "state_dir": "fleet_state_dir",
    "socket": "fleet_haproxy_socket",
    "master_socket": "fleet_haproxy_master_socket",
    "config": "fleet_haproxy_config",
    "patience_seconds": "fleet_haproxy_patience_seconds",
}

display = Display()


def balancers(
    action: Any, task_vars: Mapping[str, Any], names: Sequence[str], service: str, reach_seconds: float
) -> Balancers:
    """The balancers ``names`` of the inventory, their pools of ``service``."""
    try:
        check_service(service)
    except ValueError as error:
        raise AnsibleActionFail(str(error)) from error
    hostvars = task_vars["hostvars"]
    unknown = [name for name in names if name not in hostvars]
    if unknown:
        raise AnsibleActionFail(f"balancers that are not in the inventory: {', '.join(unknown)}")
    connections: dict[str, Any] = {}

    def call(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if name not in connections:
            connections[name] = _engine.connect(action, dict(task_vars), name)
        variables = hostvars[name]
        places = {key: variables[variable] for key, variable in _PLACES.items() if variable in variables}
        given = {**places, **params, "service": service, "check_mode": action._task.check_mode}
        return _engine.run(connections[name], name, "_pool", given, _engine.python_of(variables))

    about = task_vars.get("inventory_hostname", service)
    try:
        return Balancers(
            names,
            call,
            lambda text: display.v(f"{about}: {text}"),
            lambda text: display.warning(f"{about}: {text}"),
            reach_seconds,
        )
    except ChangeError as error:
        raise AnsibleActionFail(str(error)) from error


def failure(error: Exception) -> dict[str, Any]:
    """The result of a change that wasn't made."""
    return {"failed": True, "changed": False, "refusal": None, **getattr(error, "more", {}), "msg": str(error)}
