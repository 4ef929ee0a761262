# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from typing import Any, ClassVar

from ansible_collections.golden.fleet.plugins.plugin_utils import _rollout_lock
from ansible_collections.golden.fleet.plugins.plugin_utils._balancer_action import OPTIONS, BalancerAction, failure
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError

_SPEC = {
    **OPTIONS,
    "state": {"type": "str", "required": True, "choices": ["held", "released", "stop_requested"]},
    "owner": {"type": "dict"},
    "rollout": {"type": "str"},
    "version": {"type": "str"},
    "number": {"type": "int"},
    "at_least": {"type": "int", "default": 0},
    "after": {"type": "int"},
    "ttl_seconds": {"type": "int", "default": 120},
    "steal": {"type": "bool", "default": False},
    "wanted": {"type": "int"},
    "settled": {"type": "bool", "default": False},
    "reason": {"type": "str", "default": ""},
}


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": _SPEC,
        "required_if": [("state", "held", ["rollout", "version"])],
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        # Tasks run in children of the process that is the rollout.
        params["owner"] = {**_rollout_lock.this_process(os.getppid()), **(params["owner"] or {})}
        params["check_mode"] = self._task.check_mode
        balancers = self.balancers(params, task_vars)
        try:
            result = _STATES[params["state"]](balancers, params)
        except (ChangeError, HostError) as error:
            return {"number": None, "refused": None, **failure(error)}
        before, after = result.pop("before"), result.pop("after")
        return {**result, "diff": {"before": before, "after": after}}


_STATES = {
    "held": _rollout_lock.hold,
    "released": _rollout_lock.release,
    "stop_requested": _rollout_lock.request_stop,
}
