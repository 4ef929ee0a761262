# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks show to a person: each function returns lines, one string a line."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Aligned lines under their heads; an empty cell is a dash, so that columns stay readable."""
    cells = [[str(cell) if cell not in ("", None) else "-" for cell in row] for row in rows]
    return aligned([heads, *cells])


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines as text, each cell as wide as the widest of its column."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def plan_table(plan: Mapping[str, Any], version: str) -> list[str]:
    """What a rollout will do with each member, in its order."""
    words = {"pass": f"nothing to do, serves {version}", "unreachable": "can't be reached, counts as failed"}
    rows = []
    for member, planned in plan["members"].items():
        what = words.get(planned["action"], "change")
        if member == plan["canary"]:
            what = "change first, alone"
        back = planned["previous"] or "none"
        rows.append([member, plan["zones"].get(member), planned["pool"], planned["from"], what, back])
    return table(["member", "zone", "pool", "runs", f"to {version}", "way back"], rows)


def outcome_table(rollout: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What became of each member."""
    plan = rollout["plan"]
    rows = []
    for member, planned in plan["members"].items():
        outcome = outcomes.get(member) or {}
        result = outcome.get("result") or {"pass": "passed over", "unreachable": "unreachable"}.get(
            planned["action"], "had no turn"
        )
        now = outcome.get("version", planned["from"]) if outcome else planned["from"]
        rows.append([member, plan["zones"].get(member), planned["from"], now, result.replace("_", " ")])
    return table(["member", "zone", "ran", "runs", "result"], rows)


def status_table(
    contract: Mapping[str, Any],
    pool: Mapping[str, Any],
    found: Mapping[str, Mapping[str, Any]],
    zones: Mapping[str, str],
) -> list[str]:
    """One service: its members with zone, pool, active release, good releases and lease; its lock above them."""
    lines = [f"{contract['service']}: {contract['summary']}"]
    lines += [f"  balancer can't be reached: {name}" for name in pool["unreachable_balancers"]]
    lines += [f"  {line}" for line in _lock_lines(pool)]
    rows = []
    for member in contract["members"]:
        releases, seen = found.get(member, {}), pool["members"].get(member, {})
        rows.append(
            [
                member,
                zones.get(member),
                seen.get("pool") or "unknown",
                _active(releases),
                _versions(releases, "good"),
                _versions(releases, "bad"),
                _lease(seen.get("lease")) or _kept(seen.get("kept")),
            ]
        )
    return lines + [f"  {line}" for line in table(["member", "zone", "pool", "active", "good", "bad", "lease"], rows)]


def _versions(releases: Mapping[str, Any], state: str) -> str:
    """The versions in one state, the newest first."""
    return " ".join(reversed([r["version"] for r in releases.get("releases", []) if r["state"] == state]))


def _active(found: Mapping[str, Any]) -> str:
    if not found.get("reachable", True):
        return "unreachable"
    active = found.get("active") or ""
    awaited = found.get("awaited")
    if awaited:
        return f"{active}, {awaited['version']} from {awaited['at'][11:19]}Z"
    return f"{active} (not finished)" if active and not found.get("activation_done", True) else active


def _lock_lines(pool: Mapping[str, Any]) -> list[str]:
    """Who rolls out, seen at each balancer; one line where all agree."""
    lines = []
    for name, balancer in pool["balancers"].items():
        lock = balancer.get("lock")
        if lock:
            until = _clock(lock["until"])
            expired = " (expired)" if lock["until"] < balancer.get("clock", 0) else ""
            lines.append(f"locked at {name} by {lock['owner']['name']} for {lock['rollout']} until {until}{expired}")
    return lines


def _lease(lease: Mapping[str, Any] | None) -> str:
    if not lease:
        return ""
    state = "expired" if lease.get("expired") else f"until {_clock(lease['until'])}"
    failed = f", failed: {lease['failed'].splitlines()[0]}" if lease.get("failed") else ""
    return f"{lease['rollout']} {state}{failed}"


def _kept(kept: Mapping[str, Any] | None) -> str:
    if not kept:
        return ""
    until = _clock(kept["until"])
    return f"kept until {until}" + (", which has passed" if kept.get("expired") else "")


def _clock(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc).strftime("%H:%M:%SZ")


def reconcile_report(opened: Mapping[str, Any], hostvars: Mapping[str, Any]) -> list[str]:
    """What became of each member that was not in order, or that there was none."""
    rows = []
    for service, opening in opened.items():
        for member in opening["members"]:
            outcome = _reconciled(hostvars, member, service)
            rows.append([service, member, outcome.get("version"), outcome.get("result", "failed").replace("_", " ")])
        rows += [[service, member, "", problem] for member, problem in _unable(opening)]
    return table(["service", "member", "serves", "result"], rows) if rows else ["every member is in order"]


def reconcile_problems(opened: Mapping[str, Any], hostvars: Mapping[str, Any]) -> list[str]:
    """Why each member that is still out is out; empty when all are back."""
    problems = []
    for service, opening in opened.items():
        problems += [f"{service} on {member}: {problem}" for member, problem in _unable(opening)]
        for member in opening["members"]:
            outcome = _reconciled(hostvars, member, service)
            if outcome.get("result") not in ("changed", "turned_back"):
                problems.append(f"{service} on {member}: {outcome.get('detail') or 'its tasks failed'}")
    return problems


def _reconciled(hostvars: Mapping[str, Any], member: str, service: str) -> Mapping[str, Any]:
    return hostvars[member].get("reconciliation_outcomes", {}).get(service, {})


def _unable(opening: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(member, entry["problem"]) for member, entry in opening["problems"].items()]
