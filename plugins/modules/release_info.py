# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: List the releases of a service on a host
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Tells which release is active, and which are staged, proven good or marked bad.
  - Takes no lock and waits for nobody. A host that was never provisioned has no releases.
  - On a Windows host it is the record of what was carried through last. Whether that runs, M(golden.fleet.release)
    looks at with C(state=active).
options:
  root:
    description: The folder of the service on the host.
    type: str
    required: true
  windows:
    description: The contract's C(windows); without use on other hosts than those.
    type: dict
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: N/A
    details:
      - Changes nothing.
notes:
  - A host that can't be reached doesn't fail the task, see RV(reachable).
seealso:
  - module: golden.fleet.release
"""

EXAMPLES = r"""
- name: Ask what is there
  golden.fleet.release_info:
    root: /srv/datasette
  register: found

- name: Show the versions that it can go back to
  ansible.builtin.debug:
    msg: "{{ found.releases | selectattr('good_at') | rejectattr('active') | map(attribute='version') }}"
"""

RETURN = r"""
reachable:
  description: Whether the host could be asked. Where not, all else is empty, and C(msg) says why.
  returned: always
  type: bool
  sample: true
active:
  description: The active version, or none.
  returned: always
  type: str
  sample: 0.65.1
activation_done:
  description: Whether the commands after the last switch have succeeded.
  returned: always
  type: bool
  sample: true
number:
  description: The highest number of a rollout's lock that has been here.
  returned: always
  type: int
  sample: 12
slots:
  description: What each slot holds, where releases run from slots.
  returned: always
  type: dict
  sample: {yin: 0.65.1, yang: 0.64.8}
awaited:
  description: The C(version) that the host is about to switch to by itself, and C(at) which moment, in UTC; or none.
  returned: always
  type: dict
  sample: {version: 0.65.5, at: "2026-11-28T09:12:31.250000Z"}
releases:
  description: The releases, the oldest proven first; those that aren't proven by the time at which they were staged.
  returned: always
  type: list
  elements: dict
  contains:
    version:
      description: The name of the version.
      type: str
    sha256:
      description: The sha256 of its artifact.
      type: str
    state:
      description: One of V(staged), V(good), V(bad).
      type: str
    active:
      description: Whether it is the active one.
      type: bool
    staged_at:
      description: When it was staged, in UTC.
      type: str
    good_at:
      description: When it was first proven good, or none.
      type: str
    bad_at:
      description: When it was marked bad, or none.
      type: str
    reason:
      description: Why it is bad, or none.
      type: str
  sample:
    - version: 0.64.8
      sha256: 9a271b2d2f2b3c3c5f0f4a2b2b8a7a8f3f2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e
      state: good
      active: true
      staged_at: "2026-11-21T08:12:32.401552Z"
      good_at: "2026-11-21T08:13:02.110045Z"
      bad_at:
      reason:
"""
