# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: pool_member
short_description: Move a member between the online and the maintenance pool of its service
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Takes a member out of the online pool of every balancer under a lease, or admits it again, by HAProxy's runtime
    interface on the balancers themselves.
  - A member is taken out only where the floor, the window and the failure budget allow it, decided at each balancer
    under a lock. Members that died by themselves count as gone.
  - What is done is done on every balancer, or undone on all. A balancer that can't be reached means that no member
    is taken out.
  - Each change can be made again after a death at any moment, of the controller or of a balancer, and then ends in
    the same place.
  - Runs on the controller and speaks with the balancers. The member itself isn't connected to.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  member:
    description: The inventory name of the member; by default the host that the task runs for.
    type: str
  state:
    description:
      - With V(maintenance), leases the member, lets its sessions end and puts it into the maintenance pool.
      - With V(online), has the balancers check the member, and puts it into the online pool once those checks have
        passed. This ends its lease. Gates are asked before, see M(golden.fleet.gate).
      - With V(failed), counts the member as failed in this rollout, once. A member that is out stays in the
        maintenance pool, one that is online stays online. Fails where balancers differ in which of them it is,
        as the member must not be changed then.
    type: str
    required: true
    choices: [maintenance, online, failed]
  number:
    description:
      - The number that M(golden.fleet.rollout_lock) returned. A balancer whose lock went on to another holder refuses
        everything with a lower number.
    type: int
    required: true
  rollout:
    description: The rollout's name. The balancers have it from the lock; here it is for whoever reads the task.
    type: str
  version:
    description: The version that the member gets, for the lease and the journal; by default the lock's.
    type: str
  floor:
    description: The least number of members online, or a percentage such as V(75%), which rounds up.
    type: raw
    default: 0
  floor_per_zone:
    description: The same for each zone.
    type: raw
    default: 0
  zones:
    description: The zone of each member, by its name.
    type: dict
    default: {}
  window:
    description: The most members that this rollout has out at once, or a percentage, which rounds down to one or more.
    type: raw
    default: 1
  budget:
    description: The failure budget, the most members that may fail before no further one is taken, or a percentage.
    type: raw
    default: 0
  lease_seconds:
    description: How long the lease holds. Nothing happens by itself when it has expired.
    type: int
    default: 600
  drain_seconds:
    description: How long the member's sessions get to end, on all balancers together.
    type: float
    default: 30
  drain_cut:
    description:
      - Whether sessions that are left after O(drain_seconds) are closed. Otherwise the task fails then, and the
        member is online again.
    type: bool
    default: false
  turning_back:
    description: Whether the member is taken back to what it ran. Then neither the budget nor a stop refuses it.
    type: bool
    default: false
  wait_seconds:
    description: How long to wait for the floor and the window to allow the change. C(-v) shows why it waits.
    type: float
    default: 600
  admit_seconds:
    description: How long the balancers' checks of the member may take to pass.
    type: float
    default: 30
  reason:
    description: Why the member failed. Required where O(state=failed).
    type: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
notes:
  - Where HAProxy isn't in Debian's place, a balancer's variables C(fleet_haproxy_socket),
    C(fleet_haproxy_master_socket) and C(fleet_haproxy_config) say where; C(fleet_state_dir) is the folder that keeps
    locks, leases and pools, and C(fleet_haproxy_patience_seconds) how long a HAProxy that restarts may be away (10).
  - The balancers need what the role P(golden.fleet.balancer#role) makes.
seealso:
  - module: golden.fleet.pool_info
  - module: golden.fleet.rollout_lock
  - module: golden.fleet.gate
"""

EXAMPLES = r"""
- name: Take the member out of the online pool
  golden.fleet.pool_member:
    state: maintenance
    balancers: [lb1, lb2]
    service: shop
    number: "{{ lock.number }}"
    floor: 75%
    window: 2
    zones: {web1: a, web2: b, web3: a}
  register: lease

- name: Admit it to the online pool
  golden.fleet.pool_member:
    state: online
    balancers: [lb1, lb2]
    service: shop
    number: "{{ lock.number }}"
  when: lease.taken
"""

RETURN = r"""
taken:
  description: Whether the member is out under this rollout's lease, so that it may be changed.
  returned: always
  type: bool
refusal:
  description:
    - Why it was not taken. V(budget) and V(stopped) are answers, for which the task doesn't fail.
    - With V(floor), V(window), V(impossible), V(sessions), V(superseded) and V(unhealthy) the task fails.
  returned: when O(state=maintenance), or on failure
  type: str
  sample: budget
msg:
  description: The reason in words.
  returned: when not taken, in check mode, or on failure
  type: str
  sample: "web4 on lb1: 5 of 6 members are online and the floor is 5"
adopted:
  description: Whether the member was out already, under the lease of an earlier rollout.
  returned: when taken
  type: bool
sessions_cut:
  description: How many sessions were closed, by balancer.
  returned: when taken
  type: dict
pool:
  description: The pool that the member is in.
  returned: when O(state=failed)
  type: str
  sample: maintenance
member:
  description: The member.
  returned: always
  type: str
"""
