# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: bake_lock
short_description: Lets one bake of a service at a time go on, on this controller
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Held by the playbook that runs the task, until it gives it back or ends, however it ends.
  - Waits for another playbook, and for a Packer that M(golden.fleet.packer_build) has left under way with the same
    lock.
options:
  state:
    description: V(held) takes the lock, V(released) gives it back.
    type: str
    choices: [held, released]
    required: true
  path:
    description: The file of the lock. Beside it, with C(.owner) at its end, lies the one that says who holds it.
    type: path
    required: true
  wait_seconds:
    description: How long to wait for whoever has it.
    type: float
    default: 1800.0
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Takes nothing and gives nothing back, as check mode bakes nothing.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: N/A
    details:
      - A lock that is held for the length of a playbook is no change.
"""

EXAMPLES = r"""
- name: Let no other bake of it go on meanwhile
  golden.fleet.bake_lock:
    state: held
    path: build/bake/datasette/lock
"""

RETURN = r"""
"""
