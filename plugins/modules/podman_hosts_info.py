#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: podman_hosts_info
short_description: Lists the hosts of a lab in podman
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Lists the containers of one lab, also those that an earlier run left stopped or half removed.
attributes:
  check_mode:
    support: full
    description: Reads only.
  diff_mode:
    support: none
    description: Reads only.
options:
  lab:
    description: The name of the lab.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: List the hosts of the lab
  golden.fleet.podman_hosts_info:
    lab: fleet-1a2b3c
  register: __lab_hosts
"""

RETURN = r"""
hosts:
  description:
    - The hosts of the lab, by name. The state is podman's word.
    - The group is the service that the host was launched for, with its zone; both are empty for hosts of the inventory.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web1
      address: 10.89.0.10
      state: running
      group: ""
      zone: ""
      image: localhost/golden-fleet-base:bookworm-0123456789ab
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError


def main() -> None:
    module = AnsibleModule(argument_spec={"lab": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        found = Podman(module.params["lab"]).found()
    except PodmanError as error:
        module.fail_json(msg=f"{module.params['lab']}: {error}")
    hosts = [
        {
            "name": name,
            "address": was.address,
            "state": was.state,
            "group": was.group,
            "zone": was.zone,
            "image": was.image,
        }
        for name, was in sorted(found.items())
    ]
    module.exit_json(changed=False, hosts=hosts)


if __name__ == "__main__":
    main()
