# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action behind golden.fleet.aws_group_replacement: its module, step after step until nothing is left to do."""

from __future__ import annotations

from ansible_collections.golden.fleet.plugins.plugin_utils._steps import SteppedAction


class ActionModule(SteppedAction):
    pass
