# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member taken out, brought in or counted as failed on all balancers of its service: wholly, or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Answer, Balancers, ChangeError, survey
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError

# The longest that one call waits at the balancer for floor or window, so that this side can say why it waits.
_TURN_SECONDS = 10.0
_RETRY_SECONDS = 0.5


def take_out(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Leases the member on every balancer and drains it on all; or leaves it as it was everywhere."""
    refused, reserved = _reserve_all(balancers, params)
    if refused:
        if refused["kind"] in ("budget", "stopped"):
            return _not_taken(refused)
        raise ChangeError(refused["msg"], refusal=refused["kind"])
    adopted = any(answer["adopted"] for answer in reserved.values())
    same = {"member": params["member"], "number": params["number"]}
    seconds = params["drain_seconds"]
    try:
        answers = balancers.rounds("drain", "drained", seconds, **same)
        slow = {name: answer["sessions"] for name, answer in answers.items() if not answer["drained"]}
        if slow and params["drain_cut"]:
            for name in slow:
                answers[name] = balancers.do(name, "drain", seconds=0, cut=True, **same)
        elif slow:
            left = ", ".join(f"{count} session{'' if count == 1 else 's'} on {name}" for name, count in slow.items())
            raise ChangeError(
                f"{params['member']}: {left} left after {seconds:g} s, still draining", refusal="sessions"
            )
    except (ChangeError, HostError) as error:
        raise _undone(balancers, reserved, same, error) from error
    changed = any(answer["changed"] for answer in [*answers.values(), *reserved.values()])
    cut = {name: answer["cut"] for name, answer in answers.items() if answer.get("cut")}
    was = {"pool": "online" if any(answer["was"] == "online" for answer in reserved.values()) else "out"}
    return {
        "changed": changed,
        "taken": True,
        "refusal": None,
        "adopted": adopted,
        "sessions_cut": cut,
        "before": was if changed else {"pool": "maintenance"},
        "after": {"pool": "maintenance"},
    }


def _not_taken(refused: Mapping[str, str]) -> Answer:
    return {
        "changed": False,
        "taken": False,
        "refusal": refused["kind"],
        "msg": refused["msg"],
        "before": {},
        "after": {},
    }


def foresee_take_out(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """What ``take_out`` would do now; nothing is leased."""
    found = _reached(balancers, params["member"])
    asked = {key: params[key] for key in _RESERVE_KEYS}
    waits = ""
    for name in balancers.names:
        refused = balancers.ask(name, "reserve", **asked).get("refused")
        if refused and refused["kind"] in ("budget", "stopped"):
            return _not_taken(refused)
        if refused and refused["kind"] not in ("floor", "window"):
            raise ChangeError(f"{params['member']} on {name}: {refused['msg']}", refusal=refused["kind"])
        waits = waits or (f"would wait: {refused['msg']}" if refused else "")
    # Whoever leased it before, this change would lease it anew.
    return {
        "changed": True,
        "taken": True,
        "refusal": None,
        "msg": waits or "would be taken out",
        "before": {"pool": found["pool"]},
        "after": {"pool": "maintenance"},
    }


def _reserve_all(balancers: Balancers, params: Mapping[str, Any]) -> tuple[dict[str, str] | None, dict[str, Answer]]:
    """Leases the member on all, waiting for floor and window; or on none, with the refusal."""
    deadline = time.monotonic() + params["wait_seconds"]
    same = {"member": params["member"], "number": params["number"]}
    asked_by = os.getppid()
    while True:
        refused, reserved = _reserve_once(balancers, params, max(0.0, deadline - time.monotonic()))
        if refused is None:
            return None, reserved
        _undo(balancers, reserved, same)
        if refused["kind"] not in ("floor", "window") or time.monotonic() >= deadline:
            return refused, {}
        # Every rollout waits for its window; the floor may wait for a member that somebody has to look after.
        tell = balancers.warn if refused["kind"] == "floor" else balancers.say
        tell(f"waiting: {refused['msg']}")
        if os.getppid() != asked_by:
            raise ChangeError(f"the playbook that asked for {params['member']} has ended: nobody waits for it any more")
        if reserved:
            time.sleep(_RETRY_SECONDS)


def _reserve_once(
    balancers: Balancers, params: Mapping[str, Any], wait_seconds: float
) -> tuple[dict[str, str] | None, dict[str, Answer]]:
    """The first refusal, and the answers of those that granted a lease before."""
    reserved: dict[str, Answer] = {}
    asked = {key: params[key] for key in _RESERVE_KEYS}
    for name in balancers.names:
        # Only the first is waited at: whoever has a lease there should not sit on it.
        wait = 0.0 if reserved else min(wait_seconds, _TURN_SECONDS)
        try:
            answer = balancers.ask(name, "reserve", wait_seconds=wait, **asked)
        except (ChangeError, HostError) as error:
            raise _undone(
                balancers, reserved, {"member": params["member"], "number": params["number"]}, error
            ) from error
        if "refused" in answer:
            msg = f"{params['member']} on {name}: {answer['refused']['msg']}"
            return {**answer["refused"], "msg": msg}, reserved
        reserved[name] = answer
    return None, reserved


_RESERVE_KEYS = (
    "member",
    "number",
    "version",
    "floor",
    "floor_per_zone",
    "zones",
    "window",
    "budget",
    "lease_seconds",
    "turning_back",
)


def _undone(
    balancers: Balancers, reserved: Mapping[str, Answer], same: Mapping[str, Any], error: Exception
) -> ChangeError:
    """``error`` as what it leaves: the member is given back wherever this change has leased it."""
    more = dict(getattr(error, "more", {}))
    if more.get("refusal") == "superseded":
        return ChangeError(str(error), **more)
    problems = _undo(balancers, reserved, same)
    return ChangeError(f"{error}; {problems or 'the member is where it was'}", **more)


def _undo(balancers: Balancers, reserved: Mapping[str, Answer], same: Mapping[str, Any]) -> str:
    """Gives back the leases that this change took; returns what couldn't be, which the next run settles.

    A lease that was there before stays: its member may run anything.
    """
    problems = []
    for name, answer in reserved.items():
        if answer["changed"] and not answer["adopted"]:
            try:
                balancers.do(name, "cancel", reach_seconds=0, **same)
            except (ChangeError, HostError) as error:
                problems.append(f"not given back: {error}")
    return "; ".join(problems)


def bring_in(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Admits the member on every balancer, once the checks of all of them have passed."""
    same = {"member": params["member"], "number": params["number"]}
    answers = balancers.rounds("prepare", "healthy", params["admit_seconds"], **same)
    ill = {name: answer["status"] for name, answer in answers.items() if not answer["healthy"]}
    if ill:
        seen = ", ".join(f"{name} says {status}" for name, status in ill.items())
        raise ChangeError(f"{params['member']} isn't healthy after {params['admit_seconds']:g} s: {seen}")
    admitted: list[str] = []
    for name in balancers.names:
        try:
            answer = balancers.do(name, "admit", version=params.get("version"), **same)
        except (ChangeError, HostError) as error:
            where = f"; it is online on {', '.join(admitted)} already" if admitted else ""
            raise ChangeError(f"{error}{where}", **getattr(error, "more", {})) from error
        answers[name] = answer
        admitted.append(name)
    changed = any(answer["changed"] for answer in answers.values())
    return {
        "changed": changed,
        "taken": False,
        "before": {"pool": "maintenance" if changed else "online"},
        "after": {"pool": "online"},
    }


def foresee_bring_in(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """What ``bring_in`` would do now."""
    found = _reached(balancers, params["member"])
    changed = found["pool"] != "online" or found["lease"] is not None
    return {"changed": changed, "taken": False, "before": {"pool": found["pool"]}, "after": {"pool": "online"}}


def count_failure(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Counts the member as failed on every balancer. Fails where they differ in whether it is out."""
    same = {"member": params["member"], "number": params["number"], "reason": params["reason"]}
    answers = {name: balancers.do(name, "fail", **same) for name in balancers.names}
    pools = {name: answer["pool"] for name, answer in answers.items()}
    if len(set(pools.values())) > 1 or "draining" in pools.values():
        seen = ", ".join(f"{pool} on {name}" for name, pool in pools.items())
        raise ChangeError(
            f"{params['member']} is {seen}: it must not be changed now; the same command again settles it"
        )
    changed = any(answer["changed"] for answer in answers.values())
    return {
        "changed": changed,
        "taken": False,
        "pool": next(iter(pools.values())),
        "before": {} if changed else {"failed": params["reason"]},
        "after": {"failed": params["reason"]},
    }


def foresee_failure(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """What ``count_failure`` would do now."""
    found = _reached(balancers, params["member"])
    known = bool(found["lease"] and found["lease"]["failed"])
    after = {"failed": params["reason"]}
    return {
        "changed": not known,
        "taken": False,
        "pool": found["pool"],
        "before": after if known else {},
        "after": after,
    }


def _reached(balancers: Balancers, member: str) -> Answer:
    """The member as all balancers have it, all of which answer."""
    found = survey(balancers)
    if found["unreachable_balancers"]:
        raise ChangeError("; ".join(found["unreachable_balancers"]))
    if member not in found["members"]:
        raise ChangeError(f"the balancers know no member {member}; they have: {', '.join(found['members']) or 'none'}")
    return found["members"][member]
