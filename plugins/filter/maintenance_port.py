# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: maintenance_port
short_description: The port on the balancers that leads to one member in the maintenance pool
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Each member of a service has a port of its own on every balancer, the contract's C(pool.maintenance_port) and
    its place in the group added up, through which operations and gates reach it while it is in the maintenance pool.
positional: member
options:
  _input:
    description: The contract, from P(golden.fleet.contract#lookup).
    type: dict
    required: true
  member:
    description: The inventory name of the member.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the port that leads to web3
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.contract', 'datasette') | golden.fleet.maintenance_port('web3') }}"
"""

RETURN = r"""
_value:
  description: The port.
  type: int
"""

from collections.abc import Callable, Mapping  # noqa: E402  # after the documentation, as everywhere in Ansible
from typing import Any  # noqa: E402

from ansible.errors import AnsibleFilterError  # noqa: E402
from ansible_collections.golden.fleet.plugins.plugin_utils import _contract  # noqa: E402


def maintenance_port(contract: Mapping[str, Any], member: str) -> int:
    try:
        return _contract.maintenance_port(contract, member)
    except _contract.ContractError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"maintenance_port": maintenance_port}
