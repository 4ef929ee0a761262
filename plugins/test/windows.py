# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The test ``windows``; its substance is in plugin_utils/_windows_roles.py, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils import _windows_roles


class TestModule:
    def tests(self) -> dict[str, Callable[..., Any]]:
        return {"windows": _windows_roles.is_windows}
