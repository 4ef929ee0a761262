# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions about releases share: the task's own host is asked in the way of its kind, and may be away."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError, load, python_of, run
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import WindowsModules, is_windows
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_releases import WindowsReleases

# The contract's `windows`, which WindowsReleases checks where the host is one.
WINDOWS: dict[str, Any] = {"type": "dict"}

load("_release")


class ReleaseAction(ActionBase):
    """An action about the releases of a host."""

    TRANSFERS_FILES = False

    def ask(self, task_vars: dict[str, Any], params: dict[str, Any], windows: dict[str, Any] | None) -> dict[str, Any]:
        """The answer from the host that the task is about, or is delegated to. Raises HostError."""
        try:
            if is_windows(self._connection):
                releases = WindowsReleases(WindowsModules(self, task_vars), windows)
                return releases.info() if params.get("operation") == "info" else releases.change(params)
        except BadInputError as error:
            raise AnsibleActionFail(str(error)) from error
        host = self._task.delegate_to or task_vars["inventory_hostname"]
        variables = task_vars.get("ansible_delegated_vars", {}).get(host, task_vars)
        return run(self._connection, host, "_release", params, python_of(variables))


__all__ = ["WINDOWS", "HostError", "ReleaseAction"]
