# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: launch_members
short_description: Launch hosts from an image and bring them into a service's online pool
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Launches the hosts in parallel. Each one that is up has to pass the service's gates, at its own address, and then
    joins all balancers while HAProxy runs; it serves once the checks of all of them have passed.
  - A host that doesn't come up, fails a gate or is never healthy is removed, and another one is launched in its place,
    as often as O(replacements) allows. Nobody waits for another.
  - A host by one of the names that is there already and whole is not made anew, so that the same task goes on where a
    dead controller left off.
  - The balancers' configuration should name the members afterwards; until it does, the balancers' records keep them.
  - It runs on the controller.
extends_documentation_fragment:
  - golden.fleet._balancers
options:
  contract:
    description: The contract of the service.
    type: dict
    required: true
  version:
    description: The release that the image has active, which the gates ask for.
    type: str
    required: true
  number:
    description: The number of the lock of the service.
    type: int
    required: true
  provider:
    description: Who makes the hosts, such as V(podman).
    type: str
    required: true
  settings:
    description: What the provider's role answers in C(provider_launcher).
    type: dict
    required: true
  image:
    description: The image, as the provider names it. It may be left out where all hosts are there.
    type: str
    default: ""
  hosts:
    description: The hosts to launch.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The host's name, C(<service>-<number>).
        type: str
        required: true
      zone:
        description: Its zone.
        type: str
        default: ""
      address:
        description:
          - Where a host is that is there already, such as one that M(golden.fleet.dismiss_members) kept aside. It has
            to pass its gates and joins like any other, but is neither launched nor ever removed.
        type: str
        default: ""
  replacements:
    description: The most hosts that may be replaced.
    type: int
    default: 0
  spare_from:
    description: The least number in the name of a host that replaces another one; lower ones may be taken.
    type: int
    default: 0
  admit_seconds:
    description: How long a member that joined may take to be healthy for all balancers.
    type: float
    default: 30
attributes:
  check_mode:
    support: full
    description: Launches nothing.
  diff_mode:
    support: full
    description: Shows who joins.
"""

EXAMPLES = r"""
- name: Launch two hosts
  golden.fleet.launch_members:
    balancers: [lb1, lb2]
    service: swagger_ui
    contract: "{{ lookup('golden.fleet.contract', 'swagger_ui') }}"
    version: 1.1.0
    number: "{{ __lock.number }}"
    provider: podman
    settings: "{{ provider_launcher }}"
    image: localhost/fleet-1a2b3c/swagger_ui:good-0123456789abcdef
    hosts:
      - {name: swagger-ui-1, zone: a}
      - {name: swagger-ui-2, zone: b}
"""

RETURN = r"""
joined:
  description: Seconds from launch to the online pool, by the name of each host that serves now.
  returned: success
  type: dict
  sample: {swagger-ui-1: 4.2}
replaced:
  description: Why each host that was replaced was; its replacement has another name.
  returned: success
  type: dict
missing:
  description: The hosts in whose place nobody serves, and why.
  returned: success
  type: dict
zones:
  description: The zone of each host that serves now.
  returned: success
  type: dict
unproven:
  description: Those of the replaced and missing hosts that came up and did not pass their gates.
  returned: success
  type: list
  elements: str
"""
