# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters between what a rollout finds and what it does; their substance is in plugin_utils, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._names import check_version
from ansible_collections.golden.fleet.plugins.plugin_utils import _plan, _relays, _tables, _verdict
from ansible_collections.golden.fleet.plugins.plugin_utils._filters import told


def rollout_plan(releases: Any, rollout: Any, pool: Any, zones: Any) -> Any:
    return _plan.plan_rollout(rollout, releases, pool, zones)


def rollback_version(releases: Any, service: str, asked: str = "") -> str:
    return _plan.rollback_version(service, releases, asked)


def by_member(members: list[str], hostvars: Any, name: str, default: Any = "") -> dict[str, Any]:
    """One variable of every member, by the member's name."""
    return {member: hostvars[member].get(name, default) for member in members}


def found_by_member(members: list[str], hostvars: Any, name: str, service: str) -> dict[str, Any]:
    """Out of a task that looped over contracts on every member: the result for one service, by the member's name."""
    results = {member: hostvars[member].get(name, {}).get("results", []) for member in members}
    return {
        member: next((r for r in looped if (r.get("__contract") or {}).get("service") == service), {"reachable": False})
        for member, looped in results.items()
    }


def balancer_services(contracts: list[dict[str, Any]], hostvars: Any) -> list[dict[str, Any]]:
    """What the role ``balancer`` takes: each contract with its members' names, addresses and zones."""
    return [
        {
            "contract": contract,
            "members": [
                {
                    "name": member,
                    "address": hostvars[member].get("ansible_host", member),
                    "zone": hostvars[member].get("zone", ""),
                }
                for member in contract["members"]
            ],
        }
        for contract in contracts
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "balancer_services": balancer_services,
            "by_member": by_member,
            "found_by_member": found_by_member,
            "lock_seconds": _plan.lock_seconds,
            "outcome_table": _tables.outcome_table,
            "plan_table": _tables.plan_table,
            "reconcile_problems": _tables.reconcile_problems,
            "reconcile_report": _tables.reconcile_report,
            "reconcile_plan": told(_plan.plan_reconcile, _plan.PlanError, ValueError),
            "relays_of": _relays.relays_of,
            "rollback_version": told(rollback_version, _plan.PlanError, ValueError),
            "rollout_failure": _verdict.failure,
            "rollout_plan": told(rollout_plan, _plan.PlanError, ValueError),
            "rollout_verdict": _verdict.judge,
            "status_table": _tables.status_table,
            "version_name": told(check_version, _plan.PlanError, ValueError),
        }
