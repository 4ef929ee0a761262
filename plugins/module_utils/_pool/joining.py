# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How new hosts become members on this balancer, many in one call: join, are checked, are admitted.

Whoever asks has let them pass their gates. Each step may be cut off anywhere and done again: what is to be is in the
record before HAProxy is told.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from . import locks
from .added import add
from .balancer import Balancer
from .haproxy import Server
from .members import admit_ready
from .pools import changing, save

_POLL_SECONDS = 0.1


def join(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Adds ``members`` (each with name, address, port) where they are not there yet, and has them checked.

    They are leased and get no request. Those that serve already stay as they are. Renews the lock, also for none.
    """
    record, now = balancer.record, time.time()
    with record.held() as data:
        lock = balancer.lock(data, params["number"])
        renewed = locks.renew(lock, now)
        servers = balancer.runtime.servers(balancer.service)
        coming = {
            one["name"]: {"address": one["address"], "port": one["port"]}
            for one in params["members"]
            if not _serves(data, servers, one["name"])
        }
        if balancer.dry:
            return {"changed": bool(coming), "joined": list(coming)}
        for name in coming:
            data["leases"][name] = _lease(lock, params, now)
            data["members"][name] = "maintenance"
        data["added"].update({name: place for name, place in coming.items() if name not in servers})
        if coming or renewed:
            record.save()
        if coming:
            with changing(record.state_dir):
                add(balancer.runtime, balancer.service, balancer.config_text(), data["added"])
                save(balancer.runtime, record.state_dir, balancer.config)
            balancer.move_all(coming, online="drain", maintenance="maint")
            for name in coming:
                balancer.tell("joined", name, data)
    return {"changed": bool(coming), "joined": list(coming)}


def await_checks(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Waits up to ``seconds`` until the checks of all ``members`` have passed; ``ill``: the status of those left."""
    deadline = time.monotonic() + params["seconds"]
    while True:
        servers = balancer.runtime.servers(balancer.service)
        lost = [name for name in params["members"] if name in servers and servers[name].admin == "maint"]
        if lost and not balancer.dry:
            _check_again(balancer, lost, params["number"])
        ill = {name: _status(servers, name) for name in params["members"] if not _is_healthy(servers, name)}
        if not ill or balancer.dry or time.monotonic() >= deadline:
            return {"changed": False, "ill": ill}
        time.sleep(_POLL_SECONDS)


def round_of(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """One round of a growth in one call: admits ``admit``, has ``join`` join, and tells who of ``members`` is ill."""
    admitted = admit_all(balancer, {**params, "members": params["admit"]})
    joined = join(balancer, {**params, "members": params["join"]})
    checked = await_checks(balancer, params)
    return {
        "changed": admitted["changed"] or joined["changed"],
        "admitted": admitted["admitted"],
        "ill": checked["ill"],
    }


def _check_again(balancer: Balancer, members: list[str], number: int) -> None:
    """A balancer that started anew in between has them in maintenance, where nobody is checked."""
    with balancer.record.held() as data:
        leased = [name for name in members if balancer.lease(data, name, number)["phase"] == "admitting"]
        balancer.move_all(leased, online="drain")


def admit_all(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Puts those of ``members`` into the online pool that joined under this number and whose checks have passed."""
    with balancer.record.held() as data:
        number = balancer.lock(data, params["number"])["number"]
        servers = balancer.runtime.servers(balancer.service)
        there = [name for name in params["members"] if _serves(data, servers, name)]
        ready = [
            name
            for name in params["members"]
            if data["leases"].get(name, {}).get("phase") == "admitting"
            and data["leases"][name]["number"] == number
            and _is_healthy(servers, name)
        ]
        if ready and not balancer.dry:
            admit_ready(balancer, data, ready, params.get("version"))
    return {"changed": bool(ready), "admitted": [*there, *ready]}


def _serves(data: Mapping[str, Any], servers: Mapping[str, Server], name: str) -> bool:
    return name in servers and servers[name].admin == "ready" and name not in data["leases"]


def _is_healthy(servers: Mapping[str, Server], name: str) -> bool:
    return name in servers and servers[name].admin != "maint" and servers[name].up and servers[name].healthy


def _status(servers: Mapping[str, Server], name: str) -> str:
    return servers[name].status if name in servers else "not there"


def _lease(lock: Mapping[str, Any], params: Mapping[str, Any], now: float) -> dict[str, Any]:
    return {
        "phase": "admitting",
        "was": "out",
        "owner": lock["owner"],
        "rollout": lock["rollout"],
        "number": lock["number"],
        "version": params.get("version") or lock["version"],
        "adopted": False,
        "until": now + params["lease_seconds"],
        "failed": None,
    }
