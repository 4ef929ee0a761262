# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Contracts as the inventory of a run has them: which services there are, their members and their overrides."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from ansible import constants as C  # noqa: N812  # Ansible's own name for it
from ansible_collections.golden.fleet.plugins.module_utils._names import check_service
from ansible_collections.golden.fleet.plugins.plugin_utils import _contract
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_across import clashes

# A host of this group carries every service of the environment.
_EVERY_SERVICE = "development"


class Inventory:
    """The services of one inventory, seen through the variables that a lookup is given."""

    def __init__(self, templar: Any, variables: Mapping[str, Any]) -> None:
        self._templar = templar
        self._variables = variables
        self._groups: Mapping[str, list[str]] = variables.get("groups") or {}
        self._places = _contract.places(
            C.config.get_config_value("DEFAULT_ROLES_PATH") or [],
            variables.get("playbook_dir"),
            [str(source) for source in variables.get("ansible_inventory_sources") or []],
        )

    def services(self) -> dict[str, pathlib.Path]:
        """Each service of the inventory with its folder: the groups for which there is a contract."""
        found = {str(group): _contract.find(str(group), self._places) for group in sorted(self._groups)}
        return {group: folder for group, folder in found.items() if folder is not None}

    def contract(self, service: str, group_required: bool = True) -> dict[str, Any]:
        """The contract of one service. Raises ContractError where there is none, or a wrong one."""
        folder = _contract.find(service, self._places)
        has_group = service in self._groups
        if folder is None or (group_required and not has_group):
            raise _contract.unknown_service(service, list(self.services()), self._places, has_group)
        return self._load(service, folder)

    def contracts(self) -> list[dict[str, Any]]:
        """The contracts of all services, in the order of their names. Raises ContractError with all that is wrong."""
        loaded, problems = [], []
        for service, folder in self.services().items():
            try:
                loaded.append(self._load(service, folder))
            except ContractError as error:
                problems.append(str(error))
        problems += clashes(loaded, all_share_a_host=bool(self._groups.get(_EVERY_SERVICE)))
        if problems:
            raise ContractError("\n".join(problems))
        return loaded

    def _load(self, service: str, folder: pathlib.Path) -> dict[str, Any]:
        try:
            check_service(service)
        except ValueError as error:
            raise ContractError(f"{folder}: {error}") from error
        members = list(self._groups.get(service, []))
        return _contract.load(service, folder, self.overrides(service, members), members)

    def overrides(self, service: str, members: list[str]) -> Any:
        """The variable `<service>_contract`, which has to be the environment's and not only the members'."""
        name = f"{service}_contract"
        mine = self._variables.get(name)
        if members and "hostvars" in self._variables:
            theirs = self._variables["hostvars"].get(members[0], {}).get(name)
            if "inventory_hostname" not in self._variables:
                # A play's `hosts` is rendered without the inventory's variables.
                return self.plain(theirs)
            if self.plain(mine) != self.plain(theirs):
                raise ContractError(
                    f"variable {name}: {members[0]} has another value than the play that asks. It belongs in "
                    "group_vars/all of the environment, as the balancers and the controller read it too"
                )
        return self.plain(mine)

    def plain(self, value: Any) -> Any:
        """``value`` with its templates rendered and its vaulted parts opened, as Python's own types."""
        return _untagged(self._templar.template(value))


def _untagged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_untagged(key): _untagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_untagged(item) for item in value]
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value
