# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's way on this balancer: reserve, drain, admit; or cancel, fail.

Each step may be cut off anywhere and done again. The order in which things reach the disk makes that so: a lease is
there before its member leaves the online pool, and it ends only after the member is back in it.
A lease's phase: ``reserved`` (nothing done yet), ``draining``, ``maintenance``, ``admitting``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import locks
from .balancer import Balancer
from .haproxy import BalancerError, Server
from .locks import Refusal
from .rules import Limits, refuse

_POLL_SECONDS = 0.1
# What passes by itself, and how long it is held for true without asking HAProxy: a member that died or came back by
# itself changes who is above the floor, while the window is the record's alone.
_LOOK_SECONDS = {"floor": 0.25, "window": 1.0}
# Who asks again right after its turn to wait keeps its place in the line.
_PLACE_SECONDS = 2.0
_STAMP_SECONDS = 0.05


def reserve(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a lease on the member where floor, window and budget allow it; waits ``wait_seconds`` for them to."""
    deadline = time.monotonic() + (params.get("wait_seconds") or 0)
    # Only being asked renews the lock: this wait goes on here when the one who asked is stopped or dead.
    renew = True
    while True:
        seen = balancer.record.stamp()
        try:
            return _reserve(balancer, params, renew, deadline)
        except Refusal as refusal:
            if refusal.kind not in _LOOK_SECONDS or time.monotonic() >= deadline or balancer.dry:
                raise
            _await_change(balancer, seen, min(deadline, time.monotonic() + _LOOK_SECONDS[refusal.kind]))
        renew = False


def _await_change(balancer: Balancer, seen: object, until: float) -> None:
    """Waits until the record is another one than the ``seen``: many may wait at once, and to ask HAProxy costs."""
    while balancer.record.stamp() == seen and time.monotonic() < until:
        time.sleep(_STAMP_SECONDS)


def _reserve(balancer: Balancer, params: Mapping[str, Any], renew: bool, deadline: float) -> dict[str, Any]:
    member, record, now = params["member"], balancer.record, time.time()
    with record.held() as data:
        lock = balancer.lock(data, params["number"])
        renewed = renew and locks.renew(lock, now)
        servers = balancer.runtime.servers(balancer.service)
        if member not in servers:
            balancer.server(member)
        left, ours = member in data["leases"], is_ours(data, member, lock)
        refused = {} if ours else _refused(balancer, data, servers, params, now)
        if refused:
            if renewed:
                record.save()
            remaining = deadline - time.monotonic()
            if remaining > 0 and refused["kind"] in _LOOK_SECONDS and not balancer.dry:
                record.line.join(member, lock["number"], now, now + remaining + _PLACE_SECONDS)
            elif refused["kind"] not in _LOOK_SECONDS and not balancer.dry:
                record.line.leave(member, now)
            raise Refusal(refused["kind"], refused["msg"])
        if not balancer.dry:
            record.line.leave(member, now)
        grant(data, lock, servers[member], params, now)
        record.save()
        adopted = left and not ours
        balancer.tell("adopted" if adopted else "reserved", member, data)
        return {"changed": not ours, "adopted": adopted, "was": data["leases"][member]["was"]}


def _refused(
    balancer: Balancer, data: dict[str, Any], servers: Mapping[str, Server], params: Mapping[str, Any], now: float
) -> dict[str, str]:
    """Why the member may not go now: by the rules, or as another who waits goes first."""
    member, lock, limits = params["member"], balancer.lock(data, params["number"]), limits_of(params)
    online = those_that_count(data, servers, member)
    refused = refuse(member, online, data["leases"], lock, limits)
    ahead = [] if refused else balancer.record.line.ahead(member, lock["number"], data["seconds"], now)
    # Whoever may not go now, as one whose zone is at its floor, holds nobody back.
    first = next((o for o in ahead if o in online and not refuse(o, online, data["leases"], lock, limits)), "")
    return {"kind": "window", "msg": f"{first} goes first: it came before, or takes longer"} if first else refused


def those_that_count(data: Mapping[str, Any], servers: Mapping[str, Server], member: str) -> dict[str, bool]:
    """Whether each one is online, of all that count as members where ``member`` is asked for."""
    # Who has been dismissed is no member any more, whatever the configuration still names; but it is asked for again
    # where whoever dismissed it died before the other balancers heard of it.
    gone = {name for name, pool in data["members"].items() if pool == "gone"} - {member}
    # Nor is who is kept aside, until somebody takes it in hand.
    aside = gone | (data["kept"].keys() - data["leases"].keys() - {member})
    return {name: server.online for name, server in servers.items() if name not in aside}


def is_ours(data: Mapping[str, Any], member: str, lock: Mapping[str, Any]) -> bool:
    """Whether the member is leased by the lock's holder already."""
    return member in data["leases"] and bool(data["leases"][member]["number"] == lock["number"])


def grant(data: dict[str, Any], lock: Mapping[str, Any], server: Server, params: Mapping[str, Any], now: float) -> None:
    """Puts the lock's holder's lease on the member into the record; one that another holder left is adopted."""
    member = params["member"]
    lease, ours = data["leases"].get(member), is_ours(data, member, lock)
    granted = data["leases"][member] = {
        "phase": "reserved",
        "was": "online" if server.admin == "ready" else "out",
        "taken": now,
        **(lease or {}),
        "owner": lock["owner"],
        "rollout": lock["rollout"],
        "number": lock["number"],
        "version": params.get("version") or lock["version"],
        "adopted": bool(lease) and (not ours or lease["adopted"]),
        "until": now + params["lease_seconds"],
        "failed": None,
    }
    if granted["phase"] == "admitting":
        # Whoever admitted it didn't get to the end, and now it is to go out again.
        granted["phase"] = "maintenance"


def drain(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Sends the member no new requests, and puts it into the maintenance pool once its sessions have ended.

    Gives up after ``seconds`` with ``drained`` False and the member still draining; where ``cut``, closes what is left.
    """
    member, record = params["member"], balancer.record
    with record.held() as data:
        begin_drain(balancer, data, [member], params["number"])
        lease = data["leases"][member]
    if lease["phase"] == "maintenance" and balancer.is_out(member):
        return {"changed": False, "drained": True, "sessions": 0}
    left = _await_no_sessions(balancer, member, params["seconds"])
    if left and not params.get("cut"):
        return {"changed": True, "drained": False, "sessions": left}
    with record.held() as data:
        if left:
            balancer.lease(data, member, params["number"])
            balancer.runtime.tell(f"shutdown sessions server {balancer.service}/{member}")
        end_drain(balancer, data, [member], params["number"], cut=left)
    return {"changed": True, "drained": True, "sessions": 0, "cut": left}


def begin_drain(balancer: Balancer, data: dict[str, Any], members: Sequence[str], number: int) -> None:
    """Sends the leased members no new requests. ``data`` is the record, held."""
    leases = {member: balancer.lease(data, member, number) for member in members}
    admitted = [member for member, lease in leases.items() if lease["phase"] == "admitting"]
    if admitted:
        raise BalancerError(f"{admitted[0]} is being admitted by the same rollout")
    begun = [member for member, lease in leases.items() if lease["phase"] == "reserved"]
    for member in begun:
        leases[member]["phase"] = "draining"
        data["members"][member] = "maintenance"
    if begun:
        balancer.record.save()
    for member in begun:
        balancer.tell("draining", member, data)
    servers = balancer.runtime.servers(balancer.service)
    draining = [member for member in members if leases[member]["phase"] == "draining"]
    balancer.move_all([member for member in draining if servers[member].admin == "ready"], online="drain")


def end_drain(balancer: Balancer, data: dict[str, Any], members: Sequence[str], number: int, cut: int = 0) -> None:
    """Puts the leased members into the maintenance pool, their sessions having ended. ``data`` is the record, held."""
    leases = [balancer.lease(data, member, number) for member in members]
    balancer.move_all(members, online="maint", maintenance="ready")
    for lease in leases:
        lease["phase"] = "maintenance"
    balancer.record.save()
    for member in members:
        balancer.tell("drained", member, data, cut=cut)


def cancel(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Gives a lease back under which nothing was done to the member: it serves again where it did before.

    That nothing was done is the caller's word. A lease that was adopted may hide anything: it stays.
    """
    member, record = params["member"], balancer.record
    with record.held() as data:
        if member not in data["leases"]:
            balancer.lock(data, params["number"])
            return {"changed": False}
        lease = balancer.lease(data, member, params["number"])
        if lease["adopted"] or lease["phase"] == "admitting":
            return {"changed": False}
        if lease["phase"] != "reserved" and lease["was"] == "online":
            balancer.move(member, online="ready", maintenance="maint")
            data["members"][member] = "online"
        del data["leases"][member]
        record.save()
        balancer.tell("cancelled", member, data)
    return {"changed": True}


def prepare(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Has the balancer check the member without sending it requests; ``healthy`` once all of its last checks passed."""
    member, record = params["member"], balancer.record
    with record.held() as data:
        if _is_admitted(balancer, data, params):
            return {"changed": False, "healthy": True}
        lease = balancer.lease(data, member, params["number"])
        if lease["phase"] == "reserved":
            raise BalancerError(f"{member} is leased and was never drained: it can't be admitted yet")
        if lease["phase"] != "admitting":
            lease["phase"] = "admitting"
            record.save()
        if balancer.server(member).admin == "maint":
            # Drained, not ready: it is checked as it is there, and gets no request before a check has passed.
            balancer.move(member, online="drain")
    deadline = time.monotonic() + params["seconds"]
    while True:
        server = balancer.server(member)
        if server.admin == "maint":
            balancer.move(member, online="drain")
        if server.up and server.healthy:
            return {"changed": True, "healthy": True}
        if time.monotonic() >= deadline:
            return {"changed": True, "healthy": False, "status": server.status}
        time.sleep(_POLL_SECONDS)


def admit(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the member into the online pool, its check having passed, and ends its lease."""
    member, record = params["member"], balancer.record
    with record.held() as data:
        if _is_admitted(balancer, data, params):
            return {"changed": False}
        lease = balancer.lease(data, member, params["number"])
        server = balancer.server(member)
        if lease["phase"] != "admitting" or server.admin == "maint" or not (server.up and server.healthy):
            raise Refusal("unhealthy", f"{member} isn't ready to be admitted: {server.status}")
        admit_ready(balancer, data, [member], params.get("version"))
    return {"changed": True}


def admit_ready(balancer: Balancer, data: dict[str, Any], members: Sequence[str], version: str | None) -> None:
    """Puts the members into the online pool and ends their leases. ``data`` is the record, held."""
    told = {member: version or data["leases"][member]["version"] for member in members}
    # Before it: from here on customers may reach the members, and the journal must not be later than they are.
    for member in members:
        balancer.tell("admitting", member, data, version=told[member])
    balancer.move_all(members, online="ready", maintenance="maint")
    now = time.time()
    for member in members:
        lease = data["leases"].pop(member)
        data["members"][member] = "online"
        data["kept"].pop(member, None)
        data["versions"][member] = told[member]
        if "taken" in lease and not lease["adopted"]:
            data["seconds"][member] = round(now - lease["taken"], 1)
    balancer.record.save()
    for member in members:
        balancer.tell("admitted", member, data, version=told[member])


def fail(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Counts the member as failed, once in a rollout; one that is out stays so, under its lease."""
    member, record, now = params["member"], balancer.record, time.time()
    with record.held() as data:
        lock = balancer.lock(data, params["number"])
        balancer.server(member)
        lease = data["leases"].get(member)
        counted = member in {failure["member"] for failure in lock["failures"]}
        known = counted and (lease is None or bool(lease["failed"]))
        if not counted:
            lock["failures"].append({"member": member, "reason": params["reason"], "at": now})
        out = lease is not None and lease["phase"] in ("maintenance", "admitting")
        if lease is not None and lease["phase"] == "reserved":
            del data["leases"][member]
        elif lease is not None:
            lease["failed"] = params["reason"]
            if out:
                lease["phase"] = "maintenance"
        locks.renew(lock, now)
        record.save()
        if out and not balancer.is_out(member):
            balancer.move(member, online="maint", maintenance="ready")
        if not known:
            balancer.tell("failed", member, data, reason=params["reason"])
        # A lease that is still draining is neither: nobody may touch the member before that is settled.
        pool = "maintenance" if out else "draining" if member in data["leases"] else "online"
    return {"changed": not known, "pool": pool, "failures": len(lock["failures"])}


def _await_no_sessions(balancer: Balancer, member: str, seconds: float) -> int:
    """Polls until the member has had no session twice in a row; returns those left after ``seconds``."""
    deadline, quiet = time.monotonic() + seconds, 0
    while not balancer.dry:
        server = balancer.server(member)
        if server.admin == "ready":
            # A balancer that died before the state was saved came back with the member online.
            with balancer.record.held() as data:
                lease = data["leases"].get(member)
                if lease is None or lease["phase"] not in ("draining", "maintenance"):
                    raise BalancerError(f"{member} was given back to the online pool while it drained")
                balancer.move(member, online="drain")
        # Twice: a request that was on its way to the member when it began to drain shows up by then.
        quiet = quiet + 1 if server.sessions == 0 and server.admin != "ready" else 0
        if quiet == 2:
            return 0
        if time.monotonic() >= deadline and not quiet:
            return server.sessions
        time.sleep(_POLL_SECONDS)
    return 0


def _is_admitted(balancer: Balancer, data: dict[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether the member is online here already, under no lease: then nothing is left to do."""
    member = params["member"]
    if member in data["leases"]:
        return False
    balancer.lock(data, params["number"])
    if balancer.server(member).admin != "ready":
        raise BalancerError(f"{member} has no lease here, so nobody has gated it: reserve it first")
    return True


def limits_of(params: Mapping[str, Any]) -> Limits:
    return Limits(
        floor=params.get("floor") or 0,
        floor_per_zone=params.get("floor_per_zone") or 0,
        window=1 if params.get("window") is None else params["window"],
        budget=params.get("budget") or 0,
        zones=params.get("zones") or {},
        turning_back=bool(params.get("turning_back")),
    )
