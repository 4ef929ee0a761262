# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.golden.fleet.plugins.plugin_utils import _balancer_action
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import survey


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, params = self.validate_argument_spec(
            argument_spec={
                "balancers": {"type": "list", "elements": "str", "required": True},
                "service": {"type": "str", "required": True},
                "reach_seconds": {"type": "float", "default": 10},
            }
        )
        balancers = _balancer_action.balancers(
            self, task_vars or {}, params["balancers"], params["service"], params["reach_seconds"]
        )
        return {"changed": False, **survey(balancers)}
