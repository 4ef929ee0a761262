# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stock modules run on one Windows host by an action, one round trip each, over the one connection that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import CommandError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import UnreachableError

_POLL_SECONDS = 2


class ModuleError(Exception):
    """A module failed; the message is the module's own."""


def is_windows(connection: Any) -> bool:
    """Whether what is at the other end understands PowerShell and not sh."""
    return bool(getattr(connection._shell, "_IS_WINDOWS", False))


class WindowsModules:
    """Runs modules for ``action`` on the host that its task is about, or is delegated to."""

    def __init__(self, action: Any, task_vars: Mapping[str, Any]) -> None:
        self._action, self._task_vars = action, dict(task_vars)
        self._host = str(action._task.delegate_to or task_vars["inventory_hostname"])

    def run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The module's result. Raises ModuleError where it failed, UnreachableError where nobody answered."""
        result = self._asked(module, arguments, wrap_async=False)
        if result.get("failed"):
            raise ModuleError(_said(result))
        return result

    def command(self, words: list[str], folder: str, timeout_seconds: float) -> None:
        """Runs a command in a folder, ended with all it started after the time; raises CommandError."""
        task, shown = self._action._task, " ".join(words)
        # As with `async` on a task: the host itself ends the command in time, whatever becomes of this controller.
        task.async_val, before = max(1, int(timeout_seconds)), task.async_val
        try:
            job = self._asked("ansible.windows.win_command", {"argv": words, "chdir": folder}, wrap_async=True)
            result = self._waited(job) if job.get("ansible_job_id") else job
        finally:
            task.async_val = before
        if result.get("failed"):
            raise CommandError(f"{shown}: {_said(result)}")

    def _waited(self, job: dict[str, Any]) -> dict[str, Any]:
        import time

        jobs = self._action.get_shell_option("async_dir", default=r"%USERPROFILE%\.ansible_async")
        asked = {"jid": job["ansible_job_id"], "_async_dir": jobs}
        while True:
            # Not itself in the background.
            self._action._task.async_val = 0
            result = self._asked("ansible.windows.async_status", {**asked, "mode": "status"}, wrap_async=False)
            if result.get("finished") or result.get("failed"):
                self._asked("ansible.windows.async_status", {**asked, "mode": "cleanup"}, wrap_async=False)
                return result
            time.sleep(_POLL_SECONDS)

    def _asked(self, module: str, arguments: Mapping[str, Any], wrap_async: bool) -> dict[str, Any]:
        try:
            return dict(
                self._action._execute_module(
                    module_name=module, module_args=dict(arguments), task_vars=self._task_vars, wrap_async=wrap_async
                )
            )
        except AnsibleActionFail:
            raise
        except AnsibleConnectionFailure as error:
            raise UnreachableError(self._host, f"can't be reached: {_one_line(error)}") from error
        except Exception as error:
            # Where a connection breaks in mid-answer, winrm and psrp let through whatever the libraries below them
            # raise, and those have no class in common.
            raise UnreachableError(self._host, f"broke off in {module}: {_one_line(error)}") from error


def _said(result: Mapping[str, Any]) -> str:
    """Why a module failed: its message, and the end of what a command printed."""
    printed = str(result.get("stderr") or result.get("stdout") or "").strip()[-500:]
    return " | ".join(part for part in (_one_line(result.get("msg")), _one_line(printed)) if part) or "failed"


def _one_line(text: Any) -> str:
    return " ".join(str(text or "").split())
