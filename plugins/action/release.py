# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.module_utils._release.params import ARGUMENTS, checked
from ansible_collections.golden.fleet.plugins.plugin_utils._release import WINDOWS, HostError, ReleaseAction


class ActionModule(ReleaseAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            argument_spec={**ARGUMENTS, "windows": WINDOWS, "until": {"type": "float"}}
        )
        windows, until = args.pop("windows"), args.pop("until")
        try:
            params = checked({**args, "check_mode": bool(self._task.check_mode), "told_at": time.time()})
        except BadInputError as error:
            raise AnsibleActionFail(str(error)) from error
        if until is not None and params["at"] is not None and params["at"] > until:
            raise AnsibleActionFail("at is later than until: by then the lock may be another rollout's")
        if until is not None and time.time() > until:
            late = (
                f"{time.time() - until:.0f} s too late: the lock may have gone to another rollout; nothing was changed"
            )
            return {"failed": True, "kind": "superseded", "msg": late}
        try:
            return self.ask(task_vars or {}, params, windows)
        except HostError as error:
            # Not Ansible's "unreachable", which skips rescue: there the member's change is undone, or given up.
            return {"failed": True, "unreachable_host": True, "kind": "unreachable", "msg": str(error)}
