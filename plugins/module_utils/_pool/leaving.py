# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How members leave, many in one call: withdrawn under leases and the floor, drained, then dismissed or kept aside.

A member that was withdrawn and not dismissed is one that is out, as in a rollout: it can be brought back in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import locks
from .balancer import Balancer
from .haproxy import BalancerError, Server
from .locks import Refusal
from .members import begin_drain, end_drain, grant, is_ours, limits_of, those_that_count
from .rules import refuse

_POLL_SECONDS = 0.1


def withdraw(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Leases as many of ``members``, in this order, as the floor allows now, and sends them no new requests.

    Returns ``taken`` and ``kept``, the reason for each of the others.
    """
    members, now = params["members"], time.time()
    with balancer.record.held() as data:
        lock = balancer.lock(data, params["number"])
        locks.renew(lock, now)
        servers = balancer.runtime.servers(balancer.service)
        unknown = [member for member in members if member not in servers]
        if unknown:
            balancer.server(unknown[0])
        before = set(data["leases"])
        kept = _lease_those_that_may_go(data, lock, servers, params, now)
        taken = [member for member in members if member not in kept]
        balancer.record.save()
        for member in taken:
            balancer.tell("adopted" if member in before else "reserved", member, data)
        if not balancer.dry:
            begin_drain(balancer, data, taken, params["number"])
    return {"changed": bool(taken), "taken": taken, "kept": kept}


def _lease_those_that_may_go(
    data: dict[str, Any], lock: Mapping[str, Any], servers: Mapping[str, Server], params: Mapping[str, Any], now: float
) -> dict[str, str]:
    """Leases them in the record; returns why each of the others stays. Raises what is refused to all of them."""
    kept: dict[str, str] = {}
    # No window: these don't come back, so nothing is won by waiting for one another.
    limits = limits_of({**params, "window": "100%"})
    for member in params["members"]:
        online = those_that_count(data, servers, member)
        refused = {} if is_ours(data, member, lock) else refuse(member, online, data["leases"], lock, limits)
        if refused.get("kind") == "stopped":
            raise Refusal(refused["kind"], refused["msg"])
        if refused:
            kept[member] = refused["msg"]
        else:
            grant(data, lock, servers[member], {**params, "member": member}, now)
    return kept


def drain_all(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Puts ``members`` into the maintenance pool as their sessions end; ``left``: the sessions of those that have some.

    Gives up after ``seconds``; where ``cut``, closes what is left then.
    """
    deadline, waiting = time.monotonic() + params["seconds"], list(params["members"])
    quiet = dict.fromkeys(waiting, 0)
    left: dict[str, int] = {}
    while waiting and not balancer.dry:
        servers = balancer.runtime.servers(balancer.service)
        for name in waiting:
            quiet[name] = quiet[name] + 1 if _is_quiet(servers.get(name)) else 0
        # Twice: a request that was on its way to the member when it began to drain shows up by then.
        done = [name for name in waiting if quiet[name] >= 2]
        waiting = [name for name in waiting if name not in done]
        _end(balancer, done, params["number"])
        if time.monotonic() >= deadline and not any(quiet[name] for name in waiting):
            left = {name: servers[name].sessions for name in waiting}
            break
        time.sleep(_POLL_SECONDS if waiting else 0)
    if left and params.get("cut"):
        _cut(balancer, list(left), params["number"])
        left = {}
    return {"changed": True, "drained": not left, "left": left}


def dismiss(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Has drained ``members`` in neither pool for good; they are forgotten once the configuration is without them."""
    with balancer.record.held() as data:
        servers = balancer.runtime.servers(balancer.service)
        for name in params["members"]:
            if name in data["leases"]:
                balancer.lease(data, name, params["number"])
        balancer.lock(data, params["number"])
        going = [name for name in params["members"] if not _is_gone(data, servers, name)]
        if balancer.dry or not going:
            return {"changed": bool(going)}
        for name in going:
            balancer.tell("dismissed", name, data)
            data["members"][name] = "gone"
            for key in ("leases", "added", "kept"):
                data[key].pop(name, None)
        balancer.record.save()
        balancer.move_all([name for name in going if name in servers], online="maint", maintenance="maint")
    return {"changed": True}


def keep(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps drained members aside for ``seconds``: in the maintenance pool, under no lease, to be gone back to.

    They count as members no more until they are admitted again. The time passing does nothing by itself.
    """
    with balancer.record.held() as data:
        balancer.lock(data, params["number"])
        staying = [name for name in params["members"] if name in data["leases"] or name not in data["kept"]]
        leases = {name: balancer.lease(data, name, params["number"]) for name in staying}
        # Whoever brought one back that is kept, and found it ill, puts it where it was.
        back = [name for name, lease in leases.items() if lease["phase"] == "admitting" and name in data["kept"]]
        early = [name for name, lease in leases.items() if lease["phase"] != "maintenance" and name not in back]
        if early:
            raise BalancerError(f"{early[0]} is {leases[early[0]]['phase']} and not drained, so it can't be kept aside")
        if balancer.dry or not staying:
            return {"changed": bool(staying)}
        balancer.move_all(back, online="maint", maintenance="ready")
        now = time.time()
        for name in staying:
            balancer.tell("kept", name, data, version=data["versions"].get(name))
            del data["leases"][name]
            data["kept"].setdefault(
                name, {"version": data["versions"].get(name), "since": now, "until": now + params["seconds"]}
            )
        balancer.record.save()
    return {"changed": True}


def _is_gone(data: Mapping[str, Any], servers: Mapping[str, Server], name: str) -> bool:
    """Whether nothing is left to do: it was dismissed, or nothing is known of it."""
    unknown = name not in servers and name not in data["members"]
    return name not in data["leases"] and (unknown or data["members"].get(name) == "gone")


def _is_quiet(server: Server | None) -> bool:
    return server is None or (server.sessions == 0 and server.admin != "ready")


def _end(balancer: Balancer, members: Sequence[str], number: int) -> None:
    if members:
        with balancer.record.held() as data:
            end_drain(balancer, data, members, number)


def _cut(balancer: Balancer, members: Sequence[str], number: int) -> None:
    balancer.runtime.tell(*(f"shutdown sessions server {balancer.service}/{name}" for name in members))
    _end(balancer, members, number)
