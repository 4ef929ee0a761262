# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: pool_info
short_description: Show which member of a service is in which pool
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Asks every balancer of a service for its members, their pools and leases, and for the lock.
  - Doesn't fail where balancers can't be reached or make no sense; it names them.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  reach_seconds:
    default: 10
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: N/A
    details:
      - Changes nothing.
seealso:
  - module: golden.fleet.pool_member
"""

EXAMPLES = r"""
- name: Ask the balancers
  golden.fleet.pool_info:
    balancers: [lb1, lb2]
    service: shop
  register: pool

- name: Show the members that customers don't reach
  ansible.builtin.debug:
    msg: "{{ pool.members.values() | rejectattr('pool', 'equalto', 'online') | map(attribute='member') }}"
"""

RETURN = r"""
members:
  description:
    - Each member by name, as all reachable balancers together have it. Where they differ, the pool is the one in which
      it serves fewest, and the lease is the newest that one of them has.
  returned: always
  type: dict
  contains:
    member:
      description: Its name.
      type: str
    pool:
      description:
        - C(online), with its health checks passing; C(down), in the online pool and failing them; C(draining);
          C(maintenance); or C(out), in neither pool, as a member is that was never admitted.
      type: str
    sessions:
      description: Its sessions on all balancers.
      type: int
    lease:
      description:
        - Who took it out, for which rollout and version, until when by the balancer's clock (C(until), C(expired)),
          with which C(number); and why it failed, where it did (C(failed)). Null where nobody did.
      type: dict
    kept:
      description:
        - Until when it is kept aside to be gone back to, by the balancer's clock (C(until), C(expired)), since when,
          and with which C(version). Null where it isn't on any balancer. With a C(lease), somebody is bringing it back.
      type: dict
    version:
      description: The release that it was admitted with last; null where it never was.
      type: str
    address:
      description: Where balancers reach it.
      type: str
    maintenance_port:
      description: The port on the balancers that leads to it while it is in the maintenance pool.
      type: int
    balancers:
      description: The same by balancer, with C(status) in HAProxy's words, and C(recorded), the pool it belongs in.
      type: dict
balancers:
  description: What each balancer said, by its name; C(members), C(number), C(lock) and C(clock).
  returned: always
  type: dict
lock:
  description:
    - The lock with the highest number, or null. Has C(owner), C(rollout), C(version), C(number), C(until), C(expired),
      C(failures) (C(member), C(reason), C(at)) and C(stop) (C(by), C(reason), C(at)).
  returned: always
  type: dict
wanted:
  description: How many members a run wanted to serve in the end that isn't settled yet; null where there is none.
  returned: always
  type: int
number:
  description: The highest number that a lock has had.
  returned: always
  type: int
unreachable_balancers:
  description: The balancers that gave no answer, each with the reason.
  returned: always
  type: list
  elements: str
  sample: ["lb2: can't be reached: connection timed out"]
"""
