# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module run on a host without Ansible in between, as quick as a function call."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tests.winlab import Host
from tests.winlab.payload import Module

_OTHERS = {
    "async_status": "ansible.windows.async_status",
    "website": "microsoft.iis.website",
    "website_info": "microsoft.iis.website_info",
    "web_app_pool": "microsoft.iis.web_app_pool",
    "web_app_pool_info": "microsoft.iis.web_app_pool_info",
    "win_firewall_rule": "community.windows.win_firewall_rule",
    "win_unzip": "community.windows.win_unzip",
}


def full_name(module: str) -> str:
    return _OTHERS.get(module, f"ansible.windows.{module}")


def run(
    host: Host, module: str, arguments: dict[str, Any], *, check: bool = False, diff: bool = False
) -> dict[str, Any]:
    settings = {"check_mode": check, "diff": diff}
    wanted = Module(full_name(module), "", copy.deepcopy(arguments), settings)
    return host._interpreter._run(wanted, "direct")  # what a payload comes to


def state(host: Host) -> tuple[Any, ...]:
    """All that a module may change."""
    root = host.disk.root
    files = {str(file.relative_to(root)): _content(file) for file in sorted(root.rglob("*"))}
    rules = {key: rules for key, rules in host.disk.rights.items() if rules}
    tables = (host.disk.attributes, host.disk.owners, rules, host.disk.without_inheritance)
    services = [repr(service) for service in host.services]
    rights = {name: users for name, users in host.system.user_rights.items() if users}
    system = repr({**vars(host.system), "user_rights": rights, "accounts": list(host.system.accounts.values())})
    passwords = [account.password for account in host.system.accounts.values()]
    return files, copy.deepcopy(tables), services, system, passwords, repr(host.registry._root), host.reboot_pending


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
