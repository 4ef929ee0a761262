# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The options of the actions on balancers: ``OPTIONS`` in plugin_utils/_balancer_action.py."""

    DOCUMENTATION = r"""
options:
  balancers:
    description: The inventory names of the service's balancers, all of them.
    type: list
    elements: str
    required: true
  service:
    description: The service.
    type: str
    required: true
  reach_seconds:
    description: How long to try to reach a balancer that can't be reached.
    type: float
    default: 60
"""
