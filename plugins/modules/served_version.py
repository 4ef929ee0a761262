# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: served_version
short_description: Say at the balancers which release members serve that are switched where they are
version_added: 0.1.0
author: The golden.fleet founders
description:
  - For rollouts of the kind C(atomic), whose members don't leave the online pool. It is said before they are switched.
  - The balancers' journals then have it, and M(golden.fleet.pool_info) shows it, as for a member that was admitted.
  - Fails where the rollout's number is no longer the lock's, where it was asked to stop, or where a member is leased.
  - It runs on the controller, and asks all balancers at once.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  members:
    description: The members.
    type: list
    elements: str
    required: true
  version:
    description: The release that they serve from now on.
    type: str
    required: true
  number:
    description: The number of the lock of the service.
    type: int
    required: true
  turning_back:
    description: Whether they go back, which a rollout that was asked to stop still may.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says nothing at the balancers.
  diff_mode:
    support: full
    description: Shows the version.
seealso:
  - module: golden.fleet.pool_member
"""

EXAMPLES = r"""
- name: Say what all of them are about to serve
  golden.fleet.served_version:
    balancers: "{{ groups['balancers'] }}"
    service: shop
    members: [web1, web2, web3]
    version: 2.0.0
    number: "{{ rollout_run.number }}"
"""

RETURN = r"""
refusal:
  description: Why it was refused, V(stopped) or V(superseded), or none.
  returned: failure
  type: str
  sample: stopped
"""
