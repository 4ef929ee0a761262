# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: packer_build
short_description: Builds an image with Packer
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Has Packer build a template with its variables. Runs on the controller.
  - The steps of the build are shown as they come, and all of its output is in O(log).
  - Variables reach Packer from memory, never by a file or a command line.
  - One build at a time holds the O(lock), for as long as its Packer runs. Where the controller is killed, that may be
    longer than the controller does; M(golden.fleet.bake_lock) waits for it.
options:
  template:
    description: The folder of the template, HCL2 files.
    type: path
    required: true
  variables:
    description: The template's variables.
    type: dict
    default: {}
  given:
    description:
      - What playbooks that Packer runs are given, in a file beside the O(lock) that only this user can read. Where one
        of the O(variables) says C({given}), it gets the path of that file, such as in C(--extra-vars @{given}).
      - The file goes as soon as Packer has ended, whatever became of the controller; or, where the process above Packer
        was killed, when M(golden.fleet.bake_lock) takes the lock the next time.
    type: dict
    default: {}
  environment:
    description: Variables of the environment for Packer and for all that it runs.
    type: dict
    default: {}
  log:
    description: The file that gets Packer's output; what was in it goes.
    type: path
    required: true
  lock:
    description: The file whose lock is held meanwhile. The build fails where another build holds it.
    type: path
    required: true
  timeout_seconds:
    description: How long the build may take. Packer and all that it started are ended then.
    type: float
    default: 1800.0
  executable:
    description: The Packer to run, a name on C(PATH) or a path. Version 1.6.6 or newer.
    type: str
    default: packer
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Has Packer check the template and builds nothing.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
    details:
      - An image has no text to show.
notes:
  - Needs the Python library C(packer.py) on the controller.
"""

EXAMPLES = r"""
- name: Bake datasette
  golden.fleet.packer_build:
    template: images/podman
    variables:
      base: localhost/golden-fleet-base:bookworm
      service: datasette
    log: build/bake/datasette.log
    lock: build/bake/datasette.lock
"""

RETURN = r"""
seconds:
  description: How long the build took.
  returned: when something was built
  type: float
  sample: 14.2
version:
  description: The version of Packer.
  returned: success
  type: str
  sample: 1.6.6
"""
