# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The options of modules that are run step after step: ``STEPS`` in module_utils/_aws/group.py."""

    DOCUMENTATION = r"""
options:
  pause_seconds:
    description: The pause between two looks.
    type: float
    default: 5
  carry:
    description: What the look before answered; the controller fills it in.
    type: dict
    default: {}
"""
