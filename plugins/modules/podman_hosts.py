#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: podman_hosts
short_description: Makes, mends and removes the hosts of a lab in podman, and their network
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Brings the containers of one lab to the hosts that are wanted, each with systemd as its first process, an SSH server
    that lets C(operator) in, and an address of its own that it keeps.
  - The lab has a network of its own, in a subnet that podman finds to be free.
  - What an earlier run left behind is mended. A stopped or paused host goes on, one whose processes are gone or that
    is half removed is made anew. Another lab's hosts are not touched.
  - Returns when the boot of every host has ended and its SSH server answers.
attributes:
  check_mode:
    support: full
    description: Says what would be made, mended and removed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the hosts that are there before and after.
options:
  lab:
    description: The name of the lab; each container is named after it and its host.
    type: str
    required: true
  state:
    description: V(present) makes and mends, V(absent) removes.
    type: str
    choices: [present, absent]
    default: present
  hosts:
    description:
      - The names of the hosts.
      - Needed with O(state=present), which removes the other hosts of the O(group), or of the lab's inventory.
      - With O(state=absent), all hosts of the O(group) if left out, or of the lab, and its network.
    type: list
    elements: str
  group:
    description:
      - The group that the hosts are of, for those that don't belong to the lab's inventory, such as one that proves an
        image. They are made and removed beside the others, and each group only knows its own.
    type: str
  image:
    description: The image to make hosts from. A host made from another one, or with other capabilities, is made anew.
    type: str
  authorized_key:
    description: The public key that lets C(operator) in.
    type: str
  capabilities:
    description: Capabilities that hosts have beyond podman's usual ones.
    type: list
    elements: str
    default: []
  known_hosts:
    description:
      - The file that gets the SSH keys of these hosts, read from inside them, for SSH to know them by. It goes with
        O(state=absent).
    type: path
  wait_seconds:
    description: How long a host may take to come up.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Make two hosts, and remove all others of the lab
  golden.fleet.podman_hosts:
    lab: fleet-1a2b3c
    hosts: [web1, web2]
    image: localhost/golden-fleet-base:bookworm
    authorized_key: "{{ lookup('ansible.builtin.file', 'build/lab/id_ed25519.pub') }}"

- name: Remove the whole lab
  golden.fleet.podman_hosts:
    lab: fleet-1a2b3c
    state: absent
"""

RETURN = r"""
hosts:
  description: The hosts wanted, in the order given; with O(state=absent) those removed.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web1
      address: 10.89.0.10
      act: create
      why: not there
      state: running
      failed_units: []
      host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...
network:
  description: The lab's network, C(null) where there is none. The gateway is this machine's address in it.
  returned: success
  type: dict
  sample:
    subnet: 10.89.0.0/22
    gateway: 10.89.0.1
removed:
  description: The names of hosts that were removed.
  returned: success
  type: list
  elements: str
  sample: [web7]
"""

import contextlib
import dataclasses
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.golden.fleet.plugins.module_utils._files import atomic_write
from ansible_collections.golden.fleet.plugins.module_utils._podman.hosts import Outcome, Wish, launch, locked, terminate
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError


def outcome_of(module: AnsibleModule) -> Outcome:
    params = module.params
    podman = Podman(params["lab"])
    with locked(params["lab"]):
        if params["state"] == "absent":
            return terminate(podman, params["hosts"], check=module.check_mode, group=params["group"])
        wish = Wish(
            image=params["image"],
            authorized_key=params["authorized_key"].strip(),
            capabilities=tuple(params["capabilities"]),
            wait_seconds=params["wait_seconds"],
            group=params["group"] or "",
        )
        return launch(podman, wish, params["hosts"], check=module.check_mode)


def result_of(outcome: Outcome, state: str) -> dict[str, Any]:
    steps = outcome.steps
    removed = [step["name"] for step in steps if step["act"] == "remove"]
    wanted = [step for step in steps if state == "absent" or step["act"] != "remove"]
    before = {step["name"]: step["address"] for step in steps if step["act"] != "create"}
    after = {step["name"]: step["address"] for step in steps if step["act"] != "remove"}
    mended = {step["name"]: step["why"] for step in steps if step["act"] in ("start", "unpause", "replace")}
    return {
        "changed": outcome.network_changed or any(step["changed"] for step in steps),
        "hosts": [{name: value for name, value in step.items() if name not in ("changed", "begun")} for step in wanted],
        "removed": removed,
        "network": dataclasses.asdict(outcome.network) if outcome.network else None,
        "diff": {"before": {"hosts": before, "to_mend": mended}, "after": {"hosts": after, "to_mend": {}}},
    }


def record_keys(path: str, hosts: list[dict[str, Any]], state: str) -> None:
    if state == "absent":
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    lines = [f"{host['address']} {host['host_key']}\n" for host in hosts if host.get("host_key")]
    atomic_write(path, "".join(lines).encode())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "hosts": {"type": "list", "elements": "str"},
            "group": {"type": "str"},
            "image": {"type": "str"},
            "authorized_key": {"type": "str", "no_log": False},
            "capabilities": {"type": "list", "elements": "str", "default": []},
            "known_hosts": {"type": "path"},
            "wait_seconds": {"type": "int", "default": 60},
        },
        required_if=[("state", "present", ["hosts", "image", "authorized_key"])],
        supports_check_mode=True,
    )
    try:
        result = result_of(outcome_of(module), module.params["state"])
    except (PodmanError, ValueError) as error:
        module.fail_json(msg=f"{module.params['lab']}: {error}")
    if module.params["known_hosts"] and not module.check_mode:
        record_keys(module.params["known_hosts"], result["hosts"], module.params["state"])
    for host in result["hosts"]:
        if host.get("failed_units"):
            module.warn(f"{host['name']} is up, but these units failed in it: {', '.join(host['failed_units'])}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
