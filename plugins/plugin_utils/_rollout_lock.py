# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of a rollout on all balancers of a service, and the process that holds it."""

from __future__ import annotations

import getpass
import os
import pathlib
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import (
    Answer,
    Balancers,
    ChangeError,
    survey,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError


def this_process(pid: int) -> dict[str, Any]:
    """Who holds a lock: the process ``pid`` of this machine, told from every other there is or ever was."""
    return {
        "name": f"{getpass.getuser()}@{socket.gethostname()}",
        # Containers may share a machine's name and id, and have process numbers of their own.
        "machine": f"{_read('/etc/machine-id') or socket.gethostname()}/{_link('/proc/self/ns/pid')}",
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "pid": pid,
        "started": _started(pid),
    }


def is_dead(owner: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether ``owner`` is a process of this very machine that has ended. Of other machines nothing is known."""
    if not owner.get("machine") or owner.get("machine") != here["machine"]:
        return False
    return owner.get("boot") != here["boot"] or _started(int(owner.get("pid") or 0)) != owner.get("started")


def hold(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Takes the lock on every balancer, under one number; or on none, naming who has it."""
    asked = {"ttl": params["ttl_seconds"], **{key: params[key] for key in ("owner", "rollout", "version")}}
    asked["wanted"] = params.get("wanted")
    numbers: dict[str, int] = {}
    held_by: dict[str, str | None] = {}
    taken, taken_over = set(), []
    try:
        for name in balancers.names:
            least = max([params["at_least"], *numbers.values()])
            answer = balancers.ask(name, "lock", at_least=least, steal=params["steal"], **asked)
            refused = answer.get("refused")
            if refused and is_dead(refused["by"], params["owner"]):
                said = f"{refused['by']['name']}'s process {refused['by']['pid']}, which held {name}, is dead"
                balancers.warn(f"{said}: taking the lock over")
                taken_over.append(said)
                answer = balancers.ask(
                    name, "lock", at_least=least, steal=True, steal_number=refused["number"], **asked
                )
                refused = answer.get("refused")
            if refused:
                raise ChangeError(f"{name}: {refused['msg']}", refusal=refused["kind"], refused=refused)
            numbers[name], held_by[name] = answer["number"], answer["was"]
            if answer["changed"]:
                taken.add(name)
        number = max(numbers.values())
        _refuse_late(params, number)
        if params["check_mode"]:
            return _held(params, number, taken, taken_over, held_by)
        for name, lower in list(numbers.items()):
            if lower < number:
                balancers.do(name, "raise_number", number=lower, at_least=number)
                numbers[name] = number
    except (ChangeError, HostError):
        for name in taken:
            with suppress(ChangeError, HostError):
                balancers.do(name, "unlock", number=numbers[name], reach_seconds=0)
        raise
    return _held(params, number, taken, taken_over, held_by)


def _refuse_late(params: Mapping[str, Any], number: int) -> None:
    """Refuses where others have had the lock since the number ``after``: what was planned then is of the past."""
    if params["after"] is not None and number > max(params["after"] + 1, params["at_least"]):
        raise ChangeError(
            f"another run held the lock of {params['service']} while this one was planned: run the same command again",
            refusal="late",
        )


def _held(
    params: Mapping[str, Any],
    number: int,
    taken: set[str],
    taken_over: list[str],
    held_by: Mapping[str, str | None],
) -> Answer:
    now = f"{params['owner']['name']} for {params['rollout']}"
    return {
        "changed": bool(taken),
        "number": number,
        "refused": None,
        "taken_over": taken_over,
        "abandoned": bool(taken) and any(held_by.values()),
        "before": {"lock": next((holder for holder in held_by.values() if holder), None) if taken else now},
        "after": {"lock": now},
    }


def release(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Gives the lock back on every balancer; with ``steal``, whoever's it is."""
    if not params["steal"] and params["number"] is None:
        raise ChangeError("released needs the number that held returned, or steal to break whoever's lock it is")
    if params["check_mode"]:
        # In check mode the lock was not taken, so that there is nothing to give back but an older run's.
        found = survey(balancers)["lock"]
        return _released(bool(found) and (params["steal"] or found["number"] == params["number"]))
    answers, problems = [], []
    more: dict[str, Any] = {}
    for name in balancers.names:
        try:
            answers.append(
                balancers.do(name, "unlock", **{key: params.get(key) for key in ("number", "steal", "settled")})
            )
        except (ChangeError, HostError) as error:
            # The others are given back all the same: this one expires.
            problems.append(str(error))
            more = getattr(error, "more", more)
    if problems:
        raise ChangeError("; ".join(problems), **more)
    return _released(any(answer["changed"] for answer in answers))


def _released(changed: bool) -> Answer:
    return {"changed": changed, "before": {"lock": "held" if changed else None}, "after": {"lock": None}}


def request_stop(balancers: Balancers, params: Mapping[str, Any]) -> Answer:
    """Asks whoever holds the lock to take no further member."""
    by = params["owner"]["name"]
    answers = {name: balancers.do(name, "stop", by=by, reason=params["reason"]) for name in balancers.names}
    locks = [answer["lock"] for answer in answers.values() if answer["lock"] and not answer["lock"]["expired"]]
    lock = locks[0] if locks else None
    msg = f"{lock['owner']['name']}'s {lock['rollout']} takes no further member" if lock else "no rollout is running"
    changed = any(answer["changed"] for answer in answers.values())
    asked = {"stop_requested": bool(lock)}
    before = {"stop_requested": False} if changed else asked
    return {"changed": changed, "lock": lock, "msg": msg, "before": before, "after": asked}


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks since boot; empty where it has ended."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    # A zombie has ended, whoever forgot to reap it. Field 22 of proc(5) is the 20th after the name.
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def _read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
