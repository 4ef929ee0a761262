# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab has and what it should have: pure functions, from what ``podman ps`` says to the steps to take."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

LABEL = "golden.fleet."
# Left free below the hosts' addresses, for the gateway and for what a person may add by hand.
_RESERVED_ADDRESSES = 10

_ACT_BY_STATE = {
    "running": "keep",
    "paused": "unpause",
    "exited": "start",
    "stopped": "start",
    "created": "start",
    "configured": "start",
}


@dataclasses.dataclass(frozen=True)
class Found:
    """A container that is there. ``pid`` is its init's, 0 where none runs; ``recipe`` is the one it was made by;
    ``group`` the group of hosts that is made and removed together, empty for those of the inventory; ``zone`` is
    known of those that are in no inventory."""

    host: str
    state: str
    pid: int = 0
    address: str = ""
    recipe: str = ""
    group: str = ""
    zone: str = ""

    @property
    def image(self) -> str:
        """What the host was made from."""
        return self.recipe.partition(" ")[0]


@dataclasses.dataclass(frozen=True)
class Network:
    """A lab's network; ``gateway`` is this machine's address in it."""

    subnet: str
    gateway: str


@dataclasses.dataclass(frozen=True)
class Step:
    """What is to be done about one host: keep, start, unpause, create, replace or remove it, and why."""

    host: str
    act: str
    address: str = ""
    why: str = ""
    zone: str = ""


def recipe_of(image: str, capabilities: Iterable[str]) -> str:
    """What a host is made from, in one line: a host made from something else is made anew."""
    return " ".join([image, *(f"+{capability}" for capability in sorted(capabilities))])


def mac_address(address: str) -> str:
    """The hardware address that goes with an address: a host made anew at the same one is reached at once, as what
    this machine and the lab's hosts remember of the old one still holds (else they take many seconds to forget it)."""
    return "02:67:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)


def parse_containers(lab: str, text: str) -> dict[str, Found]:
    """The lab's containers out of ``podman ps --all --external --format json``, by host.

    A label tells whose a container is; what is left of a half-removed one has none any more, and is told by its name.
    """
    found = {}
    for entry in json.loads(text or "[]"):
        labels: Mapping[str, str] = entry.get("Labels") or {}
        names = [name for name in entry.get("Names") or [] if name.startswith(f"{lab}-")]
        if names and labels.get(f"{LABEL}lab", lab) == lab:
            host = names[0][len(lab) + 1 :]
            found[host] = Found(
                host=host,
                state=str(entry.get("State", "")).lower(),
                pid=int(entry.get("Pid") or 0),
                address=labels.get(f"{LABEL}address", ""),
                recipe=labels.get(f"{LABEL}recipe", ""),
                group=labels.get(f"{LABEL}group", ""),
                zone=labels.get(f"{LABEL}zone", ""),
            )
    return found


def parse_network(lab: str, text: str) -> Network | None:
    """The lab's network out of ``podman network ls --format json``."""
    for entry in json.loads(text or "[]"):
        for subnet in entry.get("subnets") or [] if entry.get("name") == lab else []:
            return Network(subnet["subnet"], subnet["gateway"])
    return None


def free_addresses(subnet: str, taken: Iterable[str]) -> Iterator[str]:
    """The subnet's addresses for hosts, lowest first, without those that are taken."""
    used = set(taken)
    for number, address in enumerate(ipaddress.ip_network(subnet).hosts(), start=1):
        if number >= _RESERVED_ADDRESSES and str(address) not in used:
            yield str(address)


def plan_hosts(
    found: Mapping[str, Found],
    wanted: Sequence[str],
    *,
    recipe: str,
    subnet: str | None,
    alive: Mapping[str, bool],
    group: str = "",
) -> list[Step]:
    """The steps from the containers found to the hosts wanted; ``alive`` says whose init process is really there.

    A host keeps its address as long as it is in the network's subnet; a new one gets the lowest that is free. Without
    a subnet, as in check mode while there is no network yet, addresses stay open. Hosts of other groups stay.
    """
    taken = {host: was.group for host, was in found.items() if host in wanted and was.group != group}
    if taken:
        raise ValueError("; ".join(f"{host} is a host of {of or 'the inventory'}" for host, of in taken.items()))
    network = ipaddress.ip_network(subnet) if subnet else None
    kept = {host: was.address for host, was in found.items() if _lies_in(network, was.address)}
    free = free_addresses(subnet, kept.values()) if subnet else itertools.repeat("")
    steps = []
    for host in wanted:
        act, why = act_for(found.get(host), recipe, host in kept, alive.get(host, False))
        address = kept.get(host) or next(free, None)
        if address is None:
            raise ValueError(f"no address is left for {host} in {subnet}")
        steps.append(Step(host, act, address, why))
    unwanted = sorted(host for host, was in found.items() if was.group == group and host not in wanted)
    return [*(Step(host, "remove", why="no longer wanted") for host in unwanted), *steps]


def _lies_in(network: Any, address: str) -> bool:
    return bool(address and network) and ipaddress.ip_address(address) in network


def act_for(was: Found | None, recipe: str, has_address: bool, alive: bool) -> tuple[str, str]:
    """What is to be done about a host that should be there, made by the recipe; and why."""
    if was is None:
        return "create", "not there"
    act = _ACT_BY_STATE.get(was.state)
    if act is None:
        return "replace", f"left behind as '{was.state}'"
    if was.recipe != recipe:
        return "replace", f"made from {was.recipe or 'something else'}, not {recipe}"
    if not has_address:
        return "replace", "the lab's network is another one now"
    if act in ("keep", "unpause") and not alive:
        return "replace", f"said to be {was.state}, but its processes are gone"
    return act, "" if act == "keep" else was.state
