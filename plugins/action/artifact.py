# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action behind golden.fleet.artifact; what it does is in plugin_utils/_artifact.py."""

from __future__ import annotations

import pathlib

from ansible.plugins.action import ActionBase
from ansible_collections.golden.fleet.plugins.module_utils._names import check_version
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact import ArtifactError, build, current, inputs


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "contract": {"type": "dict", "required": True},
                "version": {"type": "str", "required": True},
                "folder": {"type": "path", "default": "build/artifacts"},
            }
        )
        contract = given["contract"]
        try:
            version = check_version(given["version"])
            target = pathlib.Path(given["folder"]).absolute() / contract["service"] / version
            before = current(target, inputs(contract, version))
            manifest, built = (before or {}, not before) if self._task.check_mode else build(contract, version, target)
        except (ArtifactError, OSError, ValueError) as error:
            return {**result, "failed": True, "msg": str(error)}
        return {
            **result,
            "changed": built,
            "folder": str(target),
            "manifest": manifest,
            "diff": {"before": before or {}, "after": manifest or {"version": version}},
        }
