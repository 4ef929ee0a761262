# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.module_utils._release.params import checked_root
from ansible_collections.golden.fleet.plugins.plugin_utils._release import WINDOWS, HostError, ReleaseAction


class ActionModule(ReleaseAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        spec = {"root": {"type": "str", "required": True}, "windows": WINDOWS}
        _result, args = self.validate_argument_spec(argument_spec=spec)
        try:
            params = {"operation": "info", "root": checked_root(args["root"])}
        except BadInputError as error:
            raise AnsibleActionFail(str(error)) from error
        try:
            return {"reachable": True, **self.ask(task_vars or {}, params, args["windows"])}
        except HostError as error:
            nothing: dict[str, Any] = {"active": None, "activation_done": False, "awaited": None}
            return {"changed": False, "reachable": False, "msg": str(error), "number": 0, "releases": [], **nothing}
