# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: contracts
short_description: The contracts of all services of the environment
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Reads the contract of each group of the inventory that has one, as P(golden.fleet.contract#lookup) does.
  - Checks them against each other as well. Two services may not have the same domain, overlapping ranges of
    maintenance ports, one folder for releases, or, where they share a host, the same port.
  - Use it with C(lookup), which gives the list; C(query) would wrap it into another list. So it is a list with one
    service too, where Ansible takes a single result out of its list.
options: {}
seealso:
  - plugin: golden.fleet.contract
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Show all domains
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.contracts') | map(attribute='pool.domain') }}"
"""

RETURN = r"""
_raw:
  description:
    - One element, the list of all contracts in the order of the services' names.
    - Each is what P(golden.fleet.contract#lookup) returns.
  type: list
  elements: list
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_inventory import Inventory


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[list[dict[str, Any]]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [Inventory(self._templar, variables or {}).contracts()]
        except ContractError as error:
            raise AnsibleLookupError(str(error)) from error
