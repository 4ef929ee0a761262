# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members leave a service on all its balancers: in rounds, as many at a time as the floor allows.

They leave for good, or are kept aside to be gone back to.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Answer, Balancers, ChangeError

_RETRY_SECONDS = 1.0


def shrink(balancers: Balancers, params: Mapping[str, Any]) -> list[str]:
    """Dismisses ``members`` in their order, and returns them. ChangeError where some can't go; those before are gone.

    With ``keep_seconds`` they are kept aside for so long instead.

    A member whose sessions don't end in time goes back to where it was, unless ``drain_cut`` closes them.
    """
    left, gone = list(params["members"]), []
    deadline = time.monotonic() + params["wait_seconds"]
    while left:
        taken, kept = _withdraw(balancers, params, left)
        drained, busy = _drain(balancers, params, taken)
        _dismiss(balancers, params, drained)
        gone += drained
        left = [name for name in left if name not in drained]
        if busy:
            raise ChangeError(f"{_said(busy)} left after {params['drain_seconds']:g} s; {len(gone)} members are gone")
        if drained:
            balancers.say(f"{len(gone)} are out, {len(left)} to go")
            deadline = time.monotonic() + params["wait_seconds"]
        elif left:
            _wait(balancers, kept, deadline, len(gone))
    return gone


def _wait(balancers: Balancers, kept: Mapping[str, str], deadline: float, gone: int) -> None:
    why = next(iter(kept.values()), "the balancers don't agree on whom the floor lets go")
    if time.monotonic() >= deadline:
        raise ChangeError(f"no further member may go: {why}; {gone} members are gone", refusal="floor")
    balancers.say(f"waiting: {why}")
    time.sleep(_RETRY_SECONDS)


def _withdraw(
    balancers: Balancers, params: Mapping[str, Any], members: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Those that all balancers let go, and why the others may not; who may go on some alone stays on those, too."""
    asked = {name: params[name] for name in _WITHDRAW_KEYS}
    let_go: dict[str, list[str]] = {}
    kept: dict[str, str] = {}
    taken = list(members)
    for balancer in balancers.names:
        answer = balancers.do(balancer, "withdraw", members=taken, **asked)
        kept |= answer["kept"]
        taken = let_go[balancer] = answer["taken"]
    for balancer, names in let_go.items():
        _give_back(balancers, balancer, [name for name in names if name not in taken], params)
    return taken, kept


_WITHDRAW_KEYS = ("number", "version", "floor", "floor_per_zone", "zones", "budget", "lease_seconds")


def _drain(
    balancers: Balancers, params: Mapping[str, Any], members: Sequence[str]
) -> tuple[list[str], dict[str, dict[str, int]]]:
    """Those that serve nobody any more, and the sessions that others still have, by balancer."""
    if not members:
        return [], {}
    same: dict[str, Any] = {"members": members, "number": params["number"]}
    answers = balancers.rounds("drain_all", "drained", params["drain_seconds"], **same)
    for name in balancers.names:
        if params["drain_cut"] and not answers[name]["drained"]:
            answers[name] = balancers.do(name, "drain_all", seconds=0, cut=True, **same)
    busy = {name: answer["left"] for name, answer in answers.items() if answer["left"]}
    staying = sorted({name for left in busy.values() for name in left})
    for balancer in balancers.names:
        _give_back(balancers, balancer, staying, params)
    return [name for name in members if name not in staying], busy


def _dismiss(balancers: Balancers, params: Mapping[str, Any], members: Sequence[str]) -> None:
    same: dict[str, Any] = {"members": members, "number": params["number"]}
    if members and params.get("keep_seconds"):
        balancers.do_all("keep", seconds=params["keep_seconds"], **same)
    elif members:
        balancers.do_all("dismiss", **same)


def _give_back(balancers: Balancers, balancer: str, members: Sequence[str], params: Mapping[str, Any]) -> None:
    for name in members:
        balancers.do(balancer, "cancel", member=name, number=params["number"])


def _said(busy: Mapping[str, Answer]) -> str:
    return "; ".join(
        f"{name}: {count} session{'' if count == 1 else 's'} on {balancer}"
        for balancer, left in busy.items()
        for name, count in left.items()
    )
