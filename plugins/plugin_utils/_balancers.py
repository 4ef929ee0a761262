# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The balancers of a service, asked together: waited for, in order where it matters, what they say merged."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError, UnreachableError

Answer = dict[str, Any]
# How long a balancer that restarts may stay away before a change is given up.
_REACH_SECONDS = 60.0
_RETRY_SECONDS = 1.0
# What a first round of drains and checks may take on each balancer; most members need no second round.
_ROUND_SECONDS = 0.6


class ChangeError(Exception):
    """A change was not made, or not on every balancer; the message says what stands. ``more`` goes into the result."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more = more


class Balancers:
    """The balancers of a service, asked in the order of their names: so no two changes wait for each other."""

    def __init__(
        self,
        names: Sequence[str],
        call: Callable[[str, Mapping[str, Any]], Answer],
        say: Callable[[str], None],
        warn: Callable[[str], None],
        reach_seconds: float = _REACH_SECONDS,
    ) -> None:
        if not names:
            raise ChangeError("no balancer is named, so there is no pool to change")
        self.names = sorted(set(names))
        self._call = call
        # What is told to those who look closely, and what to everybody.
        self.say = say
        self.warn = warn
        self._reach_seconds = reach_seconds

    def ask(self, name: str, op: str, reach_seconds: float | None = None, **params: Any) -> Answer:
        """The balancer's answer, refusals among them. Raises ChangeError where it fails, HostError where it's away."""
        deadline = time.monotonic() + (self._reach_seconds if reach_seconds is None else reach_seconds)
        while True:
            try:
                answer = self._call(name, {"op": op, **params})
                break
            except UnreachableError as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                self.warn(f"{error}; trying for {left:.0f} s more")
                time.sleep(_RETRY_SECONDS)
        if answer.get("failed"):
            raise ChangeError(f"{name}: {answer.get('msg') or 'failed without a message'}")
        return answer

    def do(self, name: str, op: str, **params: Any) -> Answer:
        """The balancer's answer where it did as asked; a refusal is an error too."""
        answer = self.ask(name, op, **params)
        if "refused" in answer:
            refused = answer["refused"]
            raise ChangeError(f"{name}: {refused['msg']}", refusal=refused["kind"])
        return answer

    def do_all(self, op: str, names: Sequence[str] = (), **params: Any) -> dict[str, Answer]:
        """What ``do`` gives, by name, of all of them at once or of ``names``.

        For what lets no member go: only there an order keeps two changes from waiting for each other. Where one fails
        the others are done all the same; the first error is raised then.
        """
        asked = names or self.names
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(asked)) as pool:
            answers = [pool.submit(self.do, name, op, **params) for name in asked]
        return {name: answer.result() for name, answer in zip(asked, answers)}

    def rounds(self, op: str, done: str, seconds: float, **params: Any) -> dict[str, Answer]:
        """Does ``op`` on all until each answers ``done``; waits ``seconds`` in all, not for each.

        The first round only sets things going everywhere; what takes time then takes it everywhere at once.
        """
        deadline = time.monotonic() + seconds
        answers = self.do_all(op, seconds=min(seconds, _ROUND_SECONDS), **params)
        left = [name for name, answer in answers.items() if not answer[done]]
        if left:
            answers |= self.do_all(op, left, seconds=max(0.0, deadline - time.monotonic()), **params)
        return answers


def survey(balancers: Balancers) -> dict[str, Any]:
    """What all balancers say of the service. Those that can't be reached or make no sense are named with the reason."""
    found: dict[str, Answer] = {}
    unreachable = []
    for name in balancers.names:
        try:
            found[name] = balancers.ask(name, "info")
        except (ChangeError, HostError) as error:
            unreachable.append(str(error))
    locks = [answer["lock"] for answer in found.values() if answer["lock"]]
    return {
        "balancers": found,
        "members": merge({name: answer["members"] for name, answer in found.items()}),
        # Not "unreachable": with that key, Ansible takes the host of the task for lost.
        "unreachable_balancers": unreachable,
        "number": max([answer["number"] for answer in found.values()], default=0),
        "lock": max(locks, key=lambda lock: lock["number"], default=None),
        "wanted": next((answer["wanted"] for answer in found.values() if answer.get("wanted")), None),
    }


# Where balancers differ, the member is where it serves the fewest.
_ORDER = ["out", "maintenance", "draining", "down", "online"]


def merge(members: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Each member as all balancers together have it: online only where it is so on every one; any lease counts."""
    merged: dict[str, Any] = {}
    for balancer, found in members.items():
        for name, seen in found.items():
            entry = merged.setdefault(name, {"member": name, "balancers": {}})
            entry["balancers"][balancer] = seen
    for entry in merged.values():
        seen_by = list(entry["balancers"].values())
        complete = len(seen_by) == len(members)
        leases = [seen["lease"] for seen in seen_by if seen["lease"]]
        entry["pool"] = min((seen["pool"] for seen in seen_by), key=_ORDER.index) if complete else "out"
        entry["sessions"] = sum(seen["sessions"] for seen in seen_by)
        entry["lease"] = max(leases, key=lambda lease: lease["number"], default=None)
        # For as long as the first of them says; where some don't keep it, a lease tells that it is in somebody's hands.
        kept = [seen["kept"] for seen in seen_by if seen.get("kept")]
        entry["kept"] = min(kept, key=lambda keeping: keeping["until"], default=None)
        entry["version"] = next((seen["version"] for seen in seen_by if seen.get("version")), None)
        entry["address"] = seen_by[0]["address"]
        entry["maintenance_port"] = seen_by[0]["maintenance_port"]
    return merged
