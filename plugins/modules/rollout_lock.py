# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_lock
short_description: Hold the lock of a service's rollout on its balancers
version_added: 0.1.0
author: The golden.fleet founders
description:
  - There is one rollout of a service at a time. Its lock lives on every balancer of the service, names its owner, and
    expires by the balancer's clock unless it is renewed, which each change of a member does.
  - Each holder gets a higher number than all before. The balancers refuse every change that carries a lower one, so a
    controller that was stopped and wakes after its lock went to another changes nothing.
  - The lock of a process of this same machine that has died is taken over at once.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  state:
    description:
      - With V(held), takes the lock on all balancers, or on none and fails, naming who has it. Whoever holds it
        already keeps its number.
      - With V(released), gives it back.
      - With V(stop_requested), asks whoever holds it to take no further member; those in hand are finished.
    type: str
    required: true
    choices: [held, released, stop_requested]
  rollout:
    description: The rollout's name. Required where O(state=held).
    type: str
  version:
    description: The version that it carries. Required where O(state=held).
    type: str
  number:
    description: The number that was held. Required where O(state=released), unless O(steal=true).
    type: int
  at_least:
    description: The lowest number to be given, so that hosts that have seen a higher one don't refuse it.
    type: int
    default: 0
  after:
    description:
      - The number that RV(golden.fleet.pool_info#module:number) had when this run was planned. The lock is refused
        where others have held it since.
    type: int
  ttl_seconds:
    description: How long the lock holds unless it is renewed; longer than the longest step between two changes.
    type: int
    default: 120
  steal:
    description:
      - Takes the lock whoever holds it; with O(state=released), breaks it. The one who held it is refused from then on.
    type: bool
    default: false
  owner:
    description:
      - Who holds it. By default the user, the machine and the process of this C(ansible-playbook). C(name) is what
        others are shown.
    type: dict
  wanted:
    description:
      - With O(state=held), how many members are to serve in the end, for a run that launches hosts and takes others
        out. The balancers keep it, so that whoever goes on where this run died knows it.
    type: int
  settled:
    description: With O(state=released), what was to be done is done, and O(wanted) is forgotten.
    type: bool
    default: false
  reason:
    description: Why the rollout is to stop.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
seealso:
  - module: golden.fleet.pool_member
"""

EXAMPLES = r"""
- name: Take the lock
  golden.fleet.rollout_lock:
    state: held
    balancers: [lb1, lb2]
    service: shop
    rollout: shop-1.4.2-20250101T120000Z
    version: 1.4.2
    after: "{{ pool.number }}"
  register: lock

- name: Give it back
  golden.fleet.rollout_lock:
    state: released
    balancers: [lb1, lb2]
    service: shop
    number: "{{ lock.number }}"

- name: Ask the rollout to stop
  golden.fleet.rollout_lock:
    state: stop_requested
    balancers: [lb1, lb2]
    service: shop
    reason: the shop's owner has called
"""

RETURN = r"""
number:
  description: The number that each change of this rollout carries.
  returned: when O(state=held)
  type: int
  sample: 42
taken_over:
  description: The dead processes from which the lock was taken over.
  returned: when O(state=held)
  type: list
  elements: str
abandoned:
  description:
    - Whether this lock was one that nobody had given back. The last steps of whoever held it may have come after
      whatever was asked before, so a plan has to be made anew.
  returned: when O(state=held)
  type: bool
lock:
  description: The lock of the rollout that was asked to stop; null where none is running.
  returned: when O(state=stop_requested)
  type: dict
refused:
  description:
    - Who has the lock (C(by)), for which C(rollout), for how long unless it is renewed (C(until_seconds)).
  returned: when O(state=held), null unless another has it
  type: dict
refusal:
  description: V(locked) where another holds the lock, V(superseded) where this number is no holder's any more,
      V(late) where another has held it since O(after).
  returned: on failure
  type: str
msg:
  description: The reason in words.
  returned: on failure, or when O(state=stop_requested)
  type: str
"""
