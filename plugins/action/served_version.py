# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.golden.fleet.plugins.module_utils._names import check_version
from ansible_collections.golden.fleet.plugins.plugin_utils._balancer_action import OPTIONS, BalancerAction, failure
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError

_SPEC = {
    **OPTIONS,
    "members": {"type": "list", "elements": "str", "required": True},
    "version": {"type": "str", "required": True},
    "number": {"type": "int", "required": True},
    "turning_back": {"type": "bool", "default": False},
}


class ActionModule(BalancerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {"argument_spec": _SPEC}

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        try:
            version = check_version(params["version"])
        except ValueError as error:
            raise AnsibleActionFail(f"version {error}") from error
        asked = {name: params[name] for name in ("members", "number", "turning_back")}
        try:
            answers = self.balancers(params, task_vars).do_all("serve", version=version, **asked)
        except (ChangeError, HostError) as error:
            return failure(error)
        changed = any(answer["changed"] for answer in answers.values())
        named = {"service": params["service"], "members": params["members"]}
        before = {**named, "version": "another"} if changed else {**named, "version": version}
        return {"changed": changed, "diff": {"before": before, "after": {**named, "version": version}}}
