# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab has and what it should have: pure functions, from what ``podman ps`` says to the steps to take."""

from __future__ import annotations

import dataclasses
import ipaddress
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
    """A container that is there. ``pid`` is its init's, 0 where none runs."""

    host: str
    state: str
    pid: int = 0
    address: str = ""
    image: str = ""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is to be done about one host: keep, start, unpause, create, replace or remove it, and why."""

    host: str
    act: str
    address: str = ""
    why: str = ""


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
                image=labels.get(f"{LABEL}image", ""),
            )
    return found


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
    image: str,
    subnet: str,
    alive: Mapping[str, bool],
) -> list[Step]:
    """The steps from the containers found to the hosts wanted; ``alive`` says whose init process is really there.

    A host keeps its address as long as it is in the network's subnet; a new one gets the lowest that is free.
    """
    network = ipaddress.ip_network(subnet)
    kept = {host: was.address for host, was in found.items() if _lies_in(network, was.address)}
    free = free_addresses(subnet, kept.values())
    steps = []
    for host in wanted:
        act, why = _act(found.get(host), image, host in kept, alive.get(host, False))
        address = kept.get(host) or next(free, "")
        if not address:
            raise ValueError(f"no address is left for {host} in {subnet}")
        steps.append(Step(host, act, address, why))
    unwanted = sorted(set(found) - set(wanted))
    return [*(Step(host, "remove", why="no longer wanted") for host in unwanted), *steps]


def _lies_in(network: Any, address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in network


def _act(was: Found | None, image: str, has_address: bool, alive: bool) -> tuple[str, str]:
    if was is None:
        return "create", "not there"
    act = _ACT_BY_STATE.get(was.state)
    if act is None:
        return "replace", f"left behind as '{was.state}'"
    if was.image != image:
        return "replace", f"made from {was.image or 'another image'}"
    if not has_address:
        return "replace", "the lab's network is another one now"
    if act in ("keep", "unpause") and not alive:
        return "replace", f"said to be {was.state}, but its processes are gone"
    return act, "" if act == "keep" else was.state
