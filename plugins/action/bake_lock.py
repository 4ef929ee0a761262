# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action behind golden.fleet.bake_lock; what it does is in plugin_utils/_bake_lock.py."""

from __future__ import annotations

import os
import pathlib
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._files import NotJsonError
from ansible_collections.golden.fleet.plugins.plugin_utils import _bake_lock
from ansible_collections.golden.fleet.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.golden.fleet.plugins.plugin_utils._rollout_lock import this_process

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": {
            "state": {"type": "str", "required": True, "choices": ["held", "released"]},
            "path": {"type": "path", "required": True},
            "wait_seconds": {"type": "float", "default": 1800.0},
        }
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        lock = pathlib.Path(params["path"])
        # Tasks run in children of the process that is the bake.
        owner = this_process(os.getppid())
        # What the lock is held for tells of changes; that it is held is none.
        unchanged: dict[str, Any] = {"changed": False}
        if self._task.check_mode:
            return unchanged
        try:
            if params["state"] == "held":
                _bake_lock.hold(lock, owner, params["wait_seconds"], display.display)
            else:
                _bake_lock.release(lock, owner)
        except (_bake_lock.BakeBusyError, NotJsonError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
        return unchanged
