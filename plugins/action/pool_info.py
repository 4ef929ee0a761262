# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.golden.fleet.plugins.plugin_utils._balancer_action import OPTIONS, BalancerAction
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import survey


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": {**OPTIONS, "reach_seconds": {"type": "float", "default": 10}},
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return {"changed": False, **survey(self.balancers(params, task_vars))}
