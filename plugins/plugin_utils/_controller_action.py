# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions share that run on the controller alone: how they get their options."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase


class ControllerAction(ActionBase):
    """An action that doesn't connect to the task's own host: whether that can be reached over SSH doesn't matter."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    # What validate_argument_spec takes.
    ARGUMENTS: ClassVar[dict[str, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, params = self.validate_argument_spec(**self.ARGUMENTS)
        return self.act(params, task_vars or {})

    @abstractmethod
    def act(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The task's result, from options that have been checked."""
