# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: contract
short_description: The contract of a service
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Reads C(contract.yml) in the role folder of a service, lays the environment's overrides over it, checks it, and
    fills in the defaults. What a contract may say is in C(docs/contract.md).
  - The role folder is looked for in the configured C(roles_path), then in C(roles/) beside the folder that the
    command is run in, beside the inventory and its two parents, beside the playbook and its parent, and last among
    the collection's own roles.
  - An environment overrides single values with the variable C(<service>_contract), a dictionary which is merged key
    by key, lists being replaced as a whole. A value of null takes a key away. It belongs in C(group_vars/all), as
    the balancers and the controller read it too.
  - Templates in C(contract.yml) are left as they are; templates and vaulted values in the variable are rendered.
options:
  _terms:
    description: The names of the services.
    type: list
    elements: str
    required: true
  group_required:
    description:
      - Whether a service without a group in the inventory is an error. Building artifacts needs no group.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Show where customers reach a service
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.contract', 'datasette').pool.domain }}"

- name: Show the port on the balancers that leads to one member in the maintenance pool
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.contract', 'datasette') | golden.fleet.maintenance_port('web3') }}"
"""

RETURN = r"""
_raw:
  description:
    - One contract for each service asked for, with every key of C(docs/contract.md), and C(service), its name,
      C(folder), its role's folder, and C(members), the hosts of its group in the inventory's order.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_inventory import Inventory


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        inventory = Inventory(self._templar, variables or {})
        try:
            return [inventory.contract(str(term), self.get_option("group_required")) for term in terms]
        except ContractError as error:
            raise AnsibleLookupError(str(error)) from error
