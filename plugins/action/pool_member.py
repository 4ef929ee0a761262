# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.golden.fleet.plugins.plugin_utils import _member_changes
from ansible_collections.golden.fleet.plugins.plugin_utils._balancer_action import (
    OPTIONS,
    BalancerAction,
    check_shares,
    failure,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError

_SPEC = {
    **OPTIONS,
    "member": {"type": "str"},
    "state": {"type": "str", "required": True, "choices": ["maintenance", "online", "failed"]},
    "number": {"type": "int", "required": True},
    "rollout": {"type": "str"},
    "version": {"type": "str"},
    "floor": {"type": "raw", "default": 0},
    "floor_per_zone": {"type": "raw", "default": 0},
    "zones": {"type": "dict", "default": {}},
    "window": {"type": "raw", "default": 1},
    "budget": {"type": "raw", "default": 0},
    "lease_seconds": {"type": "int", "default": 600},
    "drain_seconds": {"type": "float", "default": 30},
    "drain_cut": {"type": "bool", "default": False},
    "turning_back": {"type": "bool", "default": False},
    "wait_seconds": {"type": "float", "default": 600},
    "admit_seconds": {"type": "float", "default": 30},
    "reason": {"type": "str"},
}


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {"argument_spec": _SPEC, "required_if": [("state", "failed", ["reason"])]}

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        params["member"] = params["member"] or task_vars["inventory_hostname"]
        check_shares(params, "floor", "floor_per_zone", "window", "budget")
        balancers = self.balancers(params, task_vars)
        steps = _FORESEEN if self._task.check_mode else _STEPS
        try:
            result = steps[params["state"]](balancers, params)
        except (ChangeError, HostError) as error:
            return {"taken": False, "member": params["member"], **failure(error)}
        before, after = result.pop("before"), result.pop("after")
        named = {"service": params["service"], "member": params["member"]}
        return {
            "member": params["member"],
            **result,
            "diff": {"before": {**named, **before}, "after": {**named, **after}},
        }


_STEPS = {
    "maintenance": _member_changes.take_out,
    "online": _member_changes.bring_in,
    "failed": _member_changes.count_failure,
}
_FORESEEN = {
    "maintenance": _member_changes.foresee_take_out,
    "online": _member_changes.foresee_bring_in,
    "failed": _member_changes.foresee_failure,
}
