# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The balancer's engine: one operation on one service's pools, run on the balancer itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .._files import LockBusyError, NotJsonError
from . import joining, leaving, locks, members, serving
from .balancer import Balancer
from .config import CONFIG, maintenance_ports
from .haproxy import ADMIN_SOCKET, MASTER_SOCKET, BalancerError, Runtime, Server
from .locks import Refusal
from .record import STATE_DIR, Record
from .rules import ShareError


def main(params: dict[str, Any]) -> dict[str, Any]:
    """Does ``params['op']``. An answer has ``refused`` (kind, msg) or ``failed`` and ``msg`` where it wasn't done."""
    dry = bool(params.get("check_mode"))
    runtime = Runtime(
        params.get("socket") or ADMIN_SOCKET,
        params.get("master_socket") or MASTER_SOCKET,
        params.get("patience_seconds", 10.0),
    )
    record = Record(params.get("state_dir") or STATE_DIR, params["service"], keep=not dry)
    try:
        return _OPERATIONS[params["op"]](Balancer(runtime, record, params.get("config") or CONFIG, dry), params)
    except Refusal as refusal:
        return refusal.answer
    except (BalancerError, LockBusyError, NotJsonError, ShareError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def _lock(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    with balancer.record.held() as data:
        held = data["lock"] or {}
        before, was = held.get("number"), f"{held['owner']['name']} for {held['rollout']}" if held else None
        number = locks.acquire(data, params, time.time())
        if params.get("wanted"):
            data["wanted"] = params["wanted"]
        balancer.record.save()
        if number != before:
            balancer.record.journal(
                "locked",
                version=params["version"],
                rollout=params["rollout"],
                number=number,
                owner=params["owner"]["name"],
            )
    return {"changed": number != before, "number": number, "was": was}


def _raise_number(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Lifts the holder's number to what the other balancers gave it."""
    with balancer.record.held() as data:
        lock = locks.check_number(data, params["number"])
        lock["number"] = data["number"] = max(params["number"], params["at_least"])
        balancer.record.save()
    return {"changed": params["at_least"] > params["number"], "number": lock["number"]}


def _unlock(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    with balancer.record.held() as data:
        lock = data["lock"]
        if params.get("steal"):
            # Who was let go is refused from here on: its number is no lock's any more.
            released, data["lock"] = lock is not None, None
        else:
            released = locks.release(data, params["number"])
            if released and params.get("settled"):
                data["wanted"] = None
        if released:
            balancer.record.save()
            balancer.record.journal(
                "unlocked", rollout=lock["rollout"], number=lock["number"], owner=lock["owner"]["name"]
            )
    return {"changed": released}


def _stop(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Asks the rollout that holds the lock to take no further member."""
    with balancer.record.held() as data:
        lock = data["lock"]
        running = bool(lock) and lock["until"] > time.time()
        asked = running and not lock["stop"]
        if asked:
            lock["stop"] = {"by": params["by"], "reason": params.get("reason") or "", "at": time.time()}
            balancer.record.save()
            balancer.record.journal(
                "stop requested", rollout=lock["rollout"], number=lock["number"], owner=params["by"]
            )
    return {"changed": asked, "lock": _shown(data["lock"], time.time())}


def _info(balancer: Balancer, _params: Mapping[str, Any]) -> dict[str, Any]:
    data, now = balancer.record.read(), time.time()
    online = balancer.runtime.servers(balancer.service)
    maintenance = balancer.runtime.servers(f"{balancer.service}_maintenance") if online else {}
    ports = _ports(balancer)
    return {
        "changed": False,
        "clock": now,
        "number": data["number"],
        "lock": _shown(data["lock"], now),
        "wanted": data["wanted"],
        "members": {
            name: {
                "member": name,
                "pool": pool_of(server, maintenance.get(name)),
                "recorded": data["members"].get(name),
                "version": data["versions"].get(name),
                "status": server.status,
                "sessions": server.sessions,
                "address": server.address,
                "maintenance_port": ports.get(name),
                "lease": _shown(data["leases"].get(name), now),
                "kept": _shown(data["kept"].get(name), now),
            }
            for name, server in online.items()
        },
    }


def pool_of(online: Server, maintenance: Server | None) -> str:
    """Where the member is, in a word."""
    if online.admin == "ready":
        return "online" if online.up else "down"
    if maintenance is not None and maintenance.admin == "ready":
        return "maintenance"
    return "draining" if online.admin == "drain" else "out"


def _ports(balancer: Balancer) -> dict[str, int]:
    try:
        with open(balancer.config, encoding="utf-8") as file:
            return maintenance_ports(file.read(), f"{balancer.service}_maintenance")
    except OSError:
        return {}


def _shown(held: Mapping[str, Any] | None, now: float) -> dict[str, Any] | None:
    """A lock, a lease or a keeping, and what the balancer's clock says of it."""
    if held is None:
        return None
    return {**held, "expired": held["until"] <= now, "until_seconds": round(held["until"] - now, 1)}


_OPERATIONS: dict[str, Callable[[Balancer, Mapping[str, Any]], dict[str, Any]]] = {
    "lock": _lock,
    "raise_number": _raise_number,
    "unlock": _unlock,
    "stop": _stop,
    "info": _info,
    "reserve": members.reserve,
    "drain": members.drain,
    "cancel": members.cancel,
    "prepare": members.prepare,
    "admit": members.admit,
    "fail": members.fail,
    "join": joining.join,
    "await_checks": joining.await_checks,
    "admit_all": joining.admit_all,
    "round": joining.round_of,
    "withdraw": leaving.withdraw,
    "drain_all": leaving.drain_all,
    "dismiss": leaving.dismiss,
    "serve": serving.serve,
    "keep": leaving.keep,
}
