# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: dismiss_members
short_description: Take members out of a service's pools for good, or keep them aside
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Leases as many of the members as the floor allows, waits until they have no session left, and has them in neither
    pool on any balancer; then the next ones. Who has been dismissed counts as a member no more.
  - Their hosts are removed by whoever asks. The balancers forget them once their configuration is without them.
  - It runs on the controller.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  members:
    description: The members, the first to go first.
    type: list
    elements: str
    required: true
  number:
    description: The number of the lock of the service.
    type: int
    required: true
  version:
    description: What the balancers' journals say of it.
    type: str
  floor:
    description: The least number of members online, as a count or a percentage.
    type: raw
    default: 0
  floor_per_zone:
    description: The same, of the members in each zone.
    type: raw
    default: 0
  zones:
    description: The zone of each member, by name.
    type: dict
    default: {}
  lease_seconds:
    description: How long the leases hold.
    type: int
    default: 600
  drain_seconds:
    description: How long sessions get to end.
    type: float
    default: 30
  drain_cut:
    description: Whether sessions that are left then are closed. Otherwise the task fails, and such members stay.
    type: bool
    default: false
  wait_seconds:
    description: How long to wait where the floor lets nobody go.
    type: float
    default: 600
  keep_seconds:
    description:
      - Where it is more than 0, the members don't leave for good. They are kept aside for so long, in the maintenance
        pool and under no lease, and M(golden.fleet.launch_members) can bring them back. When the time has passed,
        nothing happens by itself.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Takes nobody out.
  diff_mode:
    support: full
    description: Shows who leaves.
"""

EXAMPLES = r"""
- name: Take two members out for good
  golden.fleet.dismiss_members:
    balancers: [lb1, lb2]
    service: swagger_ui
    members: [swagger-ui-8, swagger-ui-7]
    number: "{{ __lock.number }}"
    floor: 60%
"""

RETURN = r"""
dismissed:
  description: The members that are out.
  returned: success
  type: list
  elements: str
"""
