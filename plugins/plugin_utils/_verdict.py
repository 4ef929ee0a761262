# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of a rollout: whether it turns back, what the release has proven to be, and how to say so. Pure.

``outcomes`` is the fact ``member_outcome`` by member (empty for a member that was not its turn); ``pool`` is the answer
of ``pool_info``, whose word on failures counts: it is kept at the balancers and survives this controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import count_of

Outcomes = Mapping[str, Mapping[str, Any]]
# Results of a member that say nothing against the release; proven is one that was not switched to it, or not yet.
_UNFAILED = ("changed", "not_taken", "proven")


def judge(rollout: Mapping[str, Any], outcomes: Outcomes, pool: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict: ``turn_back`` and ``settle`` (members), ``mark`` (good, bad or empty), ``ended`` and ``message``.

    ``ended`` is one of done, partly (failures within the budget), stopped, turned_back. ``proven`` are the members that
    hold the release proven in their idle slot, and may be switched to it.
    """
    proven = [member for member in rollout["members"] if _result(outcomes, member) == "proven"]
    return {**_judged(rollout, outcomes, pool), "proven": proven}


def _judged(rollout: Mapping[str, Any], outcomes: Outcomes, pool: Mapping[str, Any]) -> dict[str, Any]:
    plan, members = rollout["plan"], rollout["members"]
    lock = _lock(pool)
    failures = {failure["member"]: failure["reason"] for failure in lock.get("failures", [])}
    allowed = count_of(rollout["contract"]["budget"]["failures"], len(members))
    canary_failed = bool(plan["canary"]) and _result(outcomes, plan["canary"]) not in _UNFAILED
    serving = [m for m in members if _result(outcomes, m) == "changed" or plan["members"][m]["action"] == "pass"]
    if canary_failed or len(failures) > allowed:
        return _turn_back(rollout, outcomes, failures, serving, allowed)
    if lock.get("stop"):
        stop = lock["stop"]
        said = f" ({stop['reason']})" if stop.get("reason") else ""
        message = f"stopped by {stop['by']}{said}; {len(serving)} of {len(members)} members serve {rollout['version']}"
        return _verdict("stopped", f"{message}; the same command goes on from there")
    if failures:
        named = "; ".join(f"{member}: {reason}" for member, reason in failures.items())
        message = f"{len(failures)} of {len(members)} members failed, within the budget of {allowed}: {named}"
        hint = f"bring them in by the same command, or by playbooks/reconcile.yml -e service={rollout['service']}"
        return _verdict("partly", f"{message}; {hint}", mark="good", settle=serving)
    waiting = {m: outcomes[m].get("detail", "") for m in members if m not in serving}
    if waiting:
        named = "; ".join(f"{member}: {detail or 'had no turn'}" for member, detail in waiting.items())
        return _verdict("partly", f"not every member was changed: {named}; the same command goes on from there")
    return _verdict("done", "", mark="good", settle=[] if plan["idle"] else serving)


def _turn_back(
    rollout: Mapping[str, Any], outcomes: Outcomes, failures: Mapping[str, str], serving: list[str], allowed: int
) -> dict[str, Any]:
    """Who goes back: everyone that was changed, by this run or by one that died before it could prove the release."""
    plan = rollout["plan"]["members"]
    changed = [m for m in serving if _result(outcomes, m) == "changed" or not plan[m]["proven"]]
    back = [m for m in changed if plan[m]["previous"]]
    unproven = any(outcome.get("unproven") for outcome in outcomes.values())
    named = "; ".join(f"{member}: {reason}" for member, reason in failures.items())
    message = f"{len(failures)} failed where the budget allows {allowed} (and no canary may): {named}"
    reached = [m for m, planned in plan.items() if planned["action"] != "unreachable" and not planned["proven"]]
    return _verdict(
        "turned_back", message, turn_back=back, mark="bad" if unproven else "", settle=reached if unproven else []
    )


def _verdict(
    ended: str,
    message: str,
    *,
    turn_back: list[str] | None = None,
    mark: str = "",
    settle: list[str] | None = None,
) -> dict[str, Any]:
    return {"ended": ended, "message": message, "turn_back": turn_back or [], "mark": mark, "settle": settle or []}


def failure(rollout: Mapping[str, Any], verdict: Mapping[str, Any], outcomes: Outcomes) -> str:
    """What the playbook fails with; empty when every member serves the release."""
    if verdict["ended"] == "done":
        return ""
    words = {"turned_back": "was turned back", "stopped": "was stopped", "partly": "did not reach every member"}
    text = f"{rollout['service']} {rollout['version']} {words[verdict['ended']]}: {verdict['message']}"
    out = [f"{member} ({outcome['detail']})" for member, outcome in outcomes.items() if outcome.get("result") == "out"]
    if out:
        text += f". Left out of the online pool: {', '.join(out)}; see playbooks/reconcile.yml"
    doubtful = [
        f"{member} ({found['detail']})" for member, found in outcomes.items() if found.get("result") == "failed"
    ]
    if doubtful:
        text += f". In the online pool, and neither here nor there: {', '.join(doubtful)}; run the same command again"
    return text


def _result(outcomes: Outcomes, member: str) -> str:
    return str(outcomes.get(member, {}).get("result", ""))


def _lock(pool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The lock as the first balancer that answers has it; the failures are the same on all."""
    for balancer in pool["balancers"].values():
        return balancer.get("lock") or {}
    return {}
