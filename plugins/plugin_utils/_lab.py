# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts that a lab of given sizes consists of, and the inventory that says where they are."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from ansible import constants as C  # noqa: N812  # Ansible's own name for it
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import CONTRACT_FILE, find, places


def lab_services(inventory_sources: Iterable[str], playbook_dir: str | None) -> list[str]:
    """The names of all services with a contract in any folder that holds roles."""
    roots = places(C.config.get_config_value("DEFAULT_ROLES_PATH") or [], playbook_dir, inventory_sources)
    return sorted({pathlib.Path(file).parent.name for root in roots for file in root.glob(f"*/{CONTRACT_FILE}")})


def windows_services(services: Iterable[str], inventory_sources: Iterable[str], playbook_dir: str | None) -> list[str]:
    """Those of the services whose members may be Windows hosts: their contract has the key ``windows``."""
    roots = places(C.config.get_config_value("DEFAULT_ROLES_PATH") or [], playbook_dir, inventory_sources)
    return [service for service in services if _has_windows(service, roots)]


def _has_windows(service: str, roots: Sequence[pathlib.Path]) -> bool:
    folder = find(service, roots)
    said = yaml.safe_load((folder / CONTRACT_FILE).read_text(encoding="utf-8")) if folder else None
    return isinstance(said, dict) and "windows" in said


def last_addresses(subnet: str, count: int) -> list[str]:
    """The last addresses of a network, the very last first; hosts are given the others from the beginning on."""
    if not count:
        return []
    network = ipaddress.ip_network(subnet)
    if count > network.num_addresses - 3:
        raise ValueError(f"{subnet} has no room for {count} more addresses")
    return [str(network.broadcast_address - number - 1) for number in range(count)]


def lab_hosts(
    sizes: Mapping[str, int],
    *,
    zones: Sequence[str],
    services: Sequence[str],
    extra: Iterable[Mapping[str, Any]] = (),
    on_windows: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Each host's name, groups and vars: balancers and web hosts take turns in the zones, others are in the first.

    Windows hosts are marked so, and are in the groups of those services that can be on them.
    """
    if not zones:
        raise ValueError("a lab needs at least one zone")
    kinds = (
        ("balancers", "lb", ["balancers"], zones),
        # First, so that they are a service's canaries: what is wrong with a release is met where least was tried.
        ("windows", "win", list(on_windows), zones),
        ("webs", "web", list(services), zones),
        ("stores", "store", ["artifact_stores"], zones[:1]),
        ("developments", "dev", ["development"], zones[:1]),
    )
    hosts: list[dict[str, Any]] = [
        {
            "name": f"{prefix}{number + 1}",
            "groups": groups,
            "vars": {"zone": where[number % len(where)]},
            **({"windows": True} if size == "windows" else {}),
        }
        for size, prefix, groups, where in kinds
        for number in range(int(sizes.get(size, 0)))
    ]
    hosts += [{"groups": [], "vars": {}, **one} for one in extra]
    names = [host["name"] for host in hosts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two hosts of the lab have the same name: {', '.join(twice)}")
    return hosts


def lab_inventory(
    hosts: Sequence[Mapping[str, Any]],
    launched: Mapping[str, Any],
    windows: Mapping[str, Any] | None = None,
    store_group: str = "artifact_stores",
) -> dict[str, Any]:
    """The inventory of the hosts, with the addresses and connection variables that their providers answered."""
    platforms = {"linux": launched, **({"windows": windows} if windows and windows["hosts"] else {})}
    addresses = {host["name"]: host["address"] for answer in platforms.values() for host in answer["hosts"]}
    members: dict[str, dict[str, Any]] = {platform: {} for platform in platforms}
    for host in hosts:
        platform = members["windows" if host.get("windows") else "linux"]
        platform[host["name"]] = {"ansible_host": addresses[host["name"]], **host["vars"]}
        for group in host["groups"]:
            members.setdefault(group, {})[host["name"]] = {}
    children: dict[str, Any] = {group: {"hosts": members[group]} for group in members}
    for platform_name, answer in platforms.items():
        children[platform_name]["vars"] = dict(answer["connection"])
    variables: dict[str, Any] = {"operations_addresses": list(launched["operations_addresses"])}
    variables.update(launched.get("provider", {}))
    stores = list(members.get(store_group, {}))
    if stores:
        variables["artifact_store_url"] = f"http://{addresses[stores[0]]}"
    return {"all": {"vars": variables, "children": children}}
