# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a module step after step until it says that nothing is left to do, and tells what is seen on the way.

Each step looks anew and does what that calls for, so that a controller may die between any two of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()


def converge(
    step: Callable[[Mapping[str, Any]], dict[str, Any]],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """The last step's result, ``changed`` and ``diff`` being of all of them.

    ``step`` is given what the one before answered as ``carry``. It fails once nothing that is seen has changed for as
    long as its own ``wait_seconds``, which stands with ``pause_seconds`` in what it was invoked with.
    """
    carry: Mapping[str, Any] = {}
    before, changed, seen, since = None, False, "", clock()
    while True:
        result = step(carry)
        if result.get("failed"):
            return {**result, "changed": changed}
        changed = changed or bool(result["changed"])
        before = result["diff"]["before"] if before is None else before
        result |= {"changed": changed, "diff": {"before": before, "after": result["diff"]["after"]}}
        if result["done"]:
            return result
        asked = result["invocation"]["module_args"]
        if result["progress"] != seen:
            seen, since = result["progress"], clock()
            say(seen)
        elif clock() - since >= asked["wait_seconds"]:
            said = f"nothing has changed for {asked['wait_seconds']} s: {seen}. The same command again goes on"
            return {**result, "failed": True, "msg": said}
        carry = result["carry"]
        sleep(asked["pause_seconds"])


class SteppedAction(ActionBase):
    """An action that is its module of the same name, step after step; in check mode a single one."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments, controller = dict(self._task.args), os.getppid()

        def step(carry: Mapping[str, Any]) -> dict[str, Any]:
            if os.getppid() != controller:
                # This worker outlives a controller that was killed, and another one may be at work by now.
                raise AnsibleActionFail("the controller is gone")
            given = {**arguments, "carry": carry}
            return self._execute_module(module_name=self._task.action, module_args=given, task_vars=task_vars)

        if self._task.check_mode:
            return step({})
        return converge(step, lambda line: display.display(f"  {arguments.get('group', '')}: {line}"))
