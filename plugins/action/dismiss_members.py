# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.golden.fleet.plugins.plugin_utils import _shrinking
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
    "members": {"type": "list", "elements": "str", "required": True},
    "number": {"type": "int", "required": True},
    "version": {"type": "str"},
    "floor": {"type": "raw", "default": 0},
    "floor_per_zone": {"type": "raw", "default": 0},
    "zones": {"type": "dict", "default": {}},
    "lease_seconds": {"type": "int", "default": 600},
    "drain_seconds": {"type": "float", "default": 30},
    "drain_cut": {"type": "bool", "default": False},
    "wait_seconds": {"type": "float", "default": 600},
    "keep_seconds": {"type": "float", "default": 0},
}


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {"argument_spec": _SPEC}

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        check_shares(params, "floor", "floor_per_zone")
        balancers = self.balancers(params, task_vars)
        members = params["members"]
        try:
            gone = (
                list(members) if self._task.check_mode else _shrinking.shrink(balancers, {**params, "budget": "100%"})
            )
        except (ChangeError, HostError) as error:
            return failure(error)
        named = {"service": params["service"]}
        return {
            "changed": bool(gone),
            "dismissed": gone,
            "diff": {"before": {**named, "members": members}, "after": {**named, "members": []}},
        }
