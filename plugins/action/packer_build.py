# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action behind golden.fleet.packer_build; what it does is in plugin_utils/_packer.py."""

from __future__ import annotations

import pathlib
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.plugin_utils import _packer
from ansible_collections.golden.fleet.plugins.plugin_utils._controller_action import ControllerAction

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "argument_spec": {
            "template": {"type": "path", "required": True},
            "variables": {"type": "dict", "default": {}},
            "given": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}},
            "log": {"type": "path", "required": True},
            "lock": {"type": "path", "required": True},
            "timeout_seconds": {"type": "float", "default": 1800.0},
            "executable": {"type": "str", "default": "packer"},
        }
    }

    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        template, log = pathlib.Path(params["template"]), pathlib.Path(params["log"])
        executable, lock = params["executable"], pathlib.Path(params["lock"])
        try:
            release = _packer.version(executable)
            if self._task.check_mode:
                _packer.validate(executable, template, params["variables"], lock=lock)
                return {"changed": True, "msg": f"would build {template} with {release}", "version": release}
            seconds = _packer.build(
                *(executable, template, params["variables"], params["environment"], log, _say),
                lock=lock,
                timeout_seconds=params["timeout_seconds"],
                given=params["given"],
            )
        except (_packer.PackerError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
        return {"changed": True, "msg": f"built in {seconds} s; {log}", "seconds": seconds, "version": release}


def _say(line: str) -> None:
    display.display(f"  bake: {line}")
