# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: image_inputs
short_description: What goes into an image of a service, and the key over it
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Digests of all that an image of a service is made from - the base image, the releases that it carries, the contract,
    the variables of the environment, the files of every role that is applied, those of the Packer template, and those
    of the program that stages releases - and one key over them.
  - Equal keys mean images of the same inputs, so one that is there need not be made again.
  - Variables are those of the inventory that the roles name and that the first and the last member of the service
    share. Their digest and the contract's tell nothing of the values. What is given on the command line doesn't
    count, but for the contract's overrides.
options:
  _terms:
    description: The name of the service.
    type: list
    elements: str
    required: true
  releases:
    description: The releases that the image carries, each with C(version) and C(sha256), the active one first.
    type: list
    elements: dict
    required: true
  base:
    description: The image that it is made from, by a name that changes with its recipe.
    type: str
    required: true
  template:
    description: The folder of the Packer template.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Show the key of the image
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.image_inputs', 'datasette', releases=releases, base=base, template=folder).key }}"
"""

RETURN = r"""
_raw:
  description:
    - A dictionary of C(key), 16 hexadecimal digits, C(inputs), a digest by each input's name, and C(overrides), what
      the environment says otherwise than the contract.
  type: list
  elements: dict
"""

import pathlib
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.golden.fleet.plugins.plugin_utils import _image_inputs
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_inventory import Inventory

# Ansible's own, which say where and how a role is applied and not what it does.
_OWN = ("ansible_", "inventory_", "group_names", "groups", "hostvars", "omit", "play_hosts", "playbook_dir")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        inventory = Inventory(self._templar, variables or {})
        try:
            contracts = [inventory.contract(str(term)) for term in terms]
        except ContractError as error:
            raise AnsibleLookupError(str(error)) from error
        return [self._answer(contract, inventory, variables or {}) for contract in contracts]

    def _answer(self, contract: dict[str, Any], inventory: Inventory, variables: Any) -> dict[str, Any]:
        inputs = _image_inputs.collect(
            contract,
            self.get_option("releases"),
            self.get_option("base"),
            pathlib.Path(self.get_option("template")),
            _shared(contract, inventory, variables.get("hostvars") or {}, set(load_extra_vars(self._loader))),
        )
        overrides = inventory.overrides(contract["service"], contract["members"])
        return {"key": _image_inputs.key_of(inputs), "inputs": inputs, "overrides": overrides or {}}


def _shared(contract: dict[str, Any], inventory: Inventory, hostvars: Any, left_out: set[str]) -> dict[str, Any]:
    """The variables that the environment gives to every member, as its first and its last one have them."""
    ends = [hostvars[member] for member in [*contract["members"][:1], *contract["members"][1:][-1:]]]
    roles = _image_inputs.roles_of(pathlib.Path(contract["folder"]))
    names = _image_inputs.words_of(roles).intersection(*ends) if ends else set()
    found = {}
    for name in sorted(names):
        if name.startswith(_OWN) or name in left_out or name == f"{contract['service']}_contract":
            continue
        values = [_plain(inventory, end.get(name)) for end in ends]
        if values[0] == values[-1]:
            found[name] = values[0]
    return found


def _plain(inventory: Inventory, value: Any) -> Any:
    try:
        return inventory.plain(value)
    except AnsibleError:
        # It can't be rendered here and now, as one that needs a fact; its text still tells whether it was changed.
        return str(value)
