# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions about releases share: the engine is asked on the task's own host, and a host may be away."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError, python_of, run


class ReleaseAction(ActionBase):
    """An action that asks the engine of releases."""

    TRANSFERS_FILES = False

    def ask(self, task_vars: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """The engine's answer from the host that the task is about, or is delegated to. Raises HostError."""
        host = self._task.delegate_to or task_vars["inventory_hostname"]
        variables = task_vars.get("ansible_delegated_vars", {}).get(host, task_vars)
        return run(self._connection, host, "_release", params, python_of(variables))


__all__ = ["HostError", "ReleaseAction"]
