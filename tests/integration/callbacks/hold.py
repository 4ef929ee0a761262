# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Holds a playbook before one of its tasks, so that a test can have something else happen first.

Before the task whose name ends in FLEET_TEST_HOLD_BEFORE, once, makes the file FLEET_TEST_HOLD_FILE and waits until
it is gone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: hold
    type: aggregate
    short_description: Hold a playbook before one of its tasks
    description: For tests alone.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "hold"
    CALLBACK_NEEDS_ENABLED = True

    _done = False

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if self._done or not task.get_name().endswith(os.environ["FLEET_TEST_HOLD_BEFORE"]):
            return
        self._done = True
        file = Path(os.environ["FLEET_TEST_HOLD_FILE"])
        file.touch()
        while file.exists():
            time.sleep(0.05)
