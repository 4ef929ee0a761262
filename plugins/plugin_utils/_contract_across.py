# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong between the contracts of one environment, as services share balancers and may share hosts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._contract import CONTRACT_FILE

Contract = Mapping[str, Any]


def clashes(contracts: Sequence[Contract], all_share_a_host: bool = False) -> list[str]:
    """Each clash between two services as one line that names both files.

    ``all_share_a_host``: there is a host that carries every service, as a development host does.
    """
    found: list[str] = []
    for one, other in itertools.combinations(contracts, 2):
        for key, text in _between(one, other, all_share_a_host):
            found.append(f"{_file(one)} and {_file(other)}: {key}: {text}{_where_else(one, other)}")
    return found


def _between(one: Contract, other: Contract, all_share_a_host: bool) -> Iterator[tuple[str, str]]:
    if one["pool"]["domain"] == other["pool"]["domain"]:
        yield "pool.domain", f"both services have {one['pool']['domain']}"
    first, second = _ports(one), _ports(other)
    if first.start < second.stop and second.start < first.stop:
        yield "pool.maintenance_port", f"the ranges {_range(first)} and {_range(second)} overlap"
    shared = [member for member in one["members"] if member in other["members"]]
    both = _listens(one) & _listens(other)
    if both and (shared or all_share_a_host):
        host = shared[0] if shared else "the development host"
        key = "listen.port" if one["listen"]["port"] == other["listen"]["port"] else "listen"
        yield key, f"both services have {min(both)}, and both are on {host}"
    yield from _roots("release.root", one["release"]["root"], other["release"]["root"], "/")
    if one["windows"] and other["windows"]:
        # Windows holds names of any case for the same.
        pair = (one["windows"]["root"].lower(), other["windows"]["root"].lower())
        yield from _roots("windows.root", *pair, "\\")


def _listens(contract: Contract) -> set[int]:
    """The ports that the service takes on each member."""
    return {contract["listen"]["port"], contract["listen"]["preview_port"]} - {0}


def _roots(key: str, one: str, other: str, separator: str) -> Iterator[tuple[str, str]]:
    outer, inner = sorted([one, other], key=len)
    if f"{inner}{separator}".startswith(f"{outer}{separator}"):
        yield key, f"the folders {outer} and {inner} are one or lie one within the other"


def _ports(contract: Contract) -> range:
    start = contract["pool"]["maintenance_port"]
    return range(start, start + max(1, len(contract["members"])))


def _range(ports: range) -> str:
    return f"{ports.start}-{ports.stop - 1}"


def _file(contract: Contract) -> str:
    return f"{contract['folder']}/{CONTRACT_FILE}"


def _where_else(one: Contract, other: Contract) -> str:
    return f" (or see the variables {one['service']}_contract and {other['service']}_contract)"
