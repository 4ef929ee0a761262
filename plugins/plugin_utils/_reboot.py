# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts are rebooted, and which services they must be taken out of meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SERVING = ("online", "down", "draining")


class RebootError(ValueError):
    """No host may be taken out."""


def plan(
    contracts: Iterable[Mapping[str, Any]], pending: Mapping[str, bool], pools: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What is to be done: ``hosts``, with the services that each is taken out of, and the version that it serves;
    ``aside``, by host the services of which customers don't reach it; ``services``, all of these, whose locks are
    needed; ``problems`` of hosts that must stay as they are.

    ``pending`` is what each host said; one that was not asked is missing. A host that a reboot took out which then
    died is brought back whether a reboot is still pending or not. One that anything else took out is in its hands.
    """
    hosts: dict[str, list[dict[str, str]]] = {host: [] for host, due in sorted(pending.items()) if due}
    aside: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    # In one order for all hosts and runs, so that none waits for another one that waits for it.
    for contract in sorted(contracts, key=lambda one: str(one["service"])):
        service = contract["service"]
        members = [member for member in contract["members"] if member in pending]
        pool = pools.get(service, {"unreachable_balancers": [], "members": {}})
        for member in members:
            seen = pool["members"].get(member) or {"pool": "out", "lease": None, "version": None}
            holder = str((seen["lease"] or {}).get("rollout") or "")
            left = holder.startswith(f"{service}-reboot-")
            if not left and not pending[member]:
                continue
            if pool["unreachable_balancers"]:
                named = "; ".join(pool["unreachable_balancers"])
                raise RebootError(f"balancer can't be reached, so no host may be taken out: {named}")
            steps = hosts.setdefault(member, [])
            if seen["lease"] and not left:
                problems[member] = f"{holder} has it; where that runs no more, playbooks/reconcile.yml settles it"
                continue
            if not left and seen["pool"] not in _SERVING:
                aside.setdefault(member, []).append(service)
                continue
            version = (seen["lease"] or {}).get("version") if left else seen["version"]
            if not version:
                problems[member] = f"the balancers don't know which release of {service} it serves"
                continue
            steps.append({"service": service, "version": version})
    able = {host: steps for host, steps in hosts.items() if host not in problems}
    idle = {host: services for host, services in aside.items() if host in able}
    serving = {step["service"] for steps in able.values() for step in steps}
    return {
        "hosts": able,
        "aside": idle,
        "services": sorted(serving.union(*idle.values())),
        "problems": problems,
    }


def table(planned: Mapping[str, Any]) -> list[str]:
    """A line for each host."""
    lines = [
        f"{host}: {', '.join('{service} {version}'.format(**step) for step in steps) or 'no customers'}"
        for host, steps in planned["hosts"].items()
    ]
    return lines + [f"{host}: stays as it is, {why}" for host, why in planned["problems"].items()] or ["no host"]


def failures(planned: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each host that was not rebooted or does not serve again, and why; one without an outcome was lost on the way."""
    said = [f"{host} ({why})" for host, why in planned["problems"].items()]
    for host in planned["hosts"]:
        outcome = outcomes.get(host) or {"result": "lost", "detail": "could not be reached any more"}
        if outcome["result"] != "rebooted":
            said.append(f"{host} ({outcome['detail']})")
    return said
