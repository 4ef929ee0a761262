# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rollout will do, decided from what was found, before anything is touched. Pure: no host is asked here.

``releases`` is the answer of ``release_info`` by member, ``pool`` the answer of ``pool_info``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import check_feasible, count_of


class PlanError(Exception):
    """The rollout can't be done as asked; the message says what to do."""


def is_done(member: str, version: str, found: Mapping[str, Any], pool: Mapping[str, Any]) -> bool:
    """Whether the member serves the version with nothing left to do: switched, activated, online, under no lease."""
    seen = pool["members"].get(member, {})
    active = found.get("active") == version and found.get("activation_done", False)
    return bool(active and seen.get("pool") == "online" and not seen.get("lease"))


def previous_release(version: str, found: Mapping[str, Any]) -> str:
    """The release that the member goes back to when ``version`` fails on it; empty where there is none.

    What it runs now, unless that is the version itself (an earlier run died after its switch) or known to be bad;
    then the newest other one that was proven good on it.
    """
    by_version = {release["version"]: release for release in found.get("releases", [])}
    active = found.get("active") or ""
    carried_through = found.get("activation_done") or found.get("awaited")
    if active and active != version and carried_through and by_version.get(active, {}).get("good_at"):
        return active
    good = [release["version"] for release in found.get("releases", []) if release["state"] == "good"]
    return next((name for name in reversed(good) if name != version), "")


def plan_rollout(
    rollout: Mapping[str, Any],
    releases: Mapping[str, Mapping[str, Any]],
    pool: Mapping[str, Any],
    zones: Mapping[str, str],
) -> dict[str, Any]:
    """Which member is changed, which is passed over, which comes first.

    ``rollout`` names the ``service``, the ``version``, its ``members`` in order and its ``contract``.
    Returns ``idle`` (all serve the version and have proven it, and nobody died with the lock: there is nothing to lock
    for), ``members`` (by name: action ``change``, ``pass`` or ``unreachable``; from; previous; whether the version was
    proven good on it before), ``canary`` (empty when nothing is to do), ``to_stage`` (members that don't hold the
    version yet), ``at_once`` (those that are switched at once while they serve), ``unreachable``, ``zones``,
    ``at_least`` (the lowest number that a rollout must carry so that no host refuses it) and ``after`` (the number that
    the pool had).
    """
    version, members = rollout["version"], rollout["members"]
    _refuse_impossible(rollout, pool, zones)
    planned = {
        member: {
            "action": _action(member, version, releases[member], pool),
            "from": releases[member].get("active") or "",
            "previous": previous_release(version, releases[member]),
            "proven": any(r["version"] == version and r["state"] == "good" for r in releases[member]["releases"]),
            "pool": pool["members"][member].get("pool", ""),
        }
        for member in members
    }
    unreachable = [member for member in members if planned[member]["action"] == "unreachable"]
    allowed = count_of(rollout["contract"]["budget"]["failures"], len(members))
    if len(unreachable) > allowed:
        raise PlanError(
            f"{', '.join(unreachable)} can't be reached, and the failure budget is {allowed}:"
            f" {releases[unreachable[0]].get('msg', '')}"
        )
    changing = [member for member in members if planned[member]["action"] == "change"]
    return {
        "idle": not pool["lock"] and all(entry["action"] == "pass" and entry["proven"] for entry in planned.values()),
        "members": planned,
        "canary": _canary(changing, planned, rollout["contract"]["rollout"]),
        "to_stage": [member for member in changing if not _holds(version, releases[member])],
        "at_once": [member for member in changing if _is_switched_at_once(planned[member], rollout)],
        "unreachable": unreachable,
        "zones": dict(zones),
        "after": pool["number"],
        "at_least": max([int(found.get("number") or 0) for found in releases.values()], default=0),
    }


def _refuse_impossible(rollout: Mapping[str, Any], pool: Mapping[str, Any], zones: Mapping[str, str]) -> None:
    """Says before anything is touched what would keep every member from being taken out."""
    service, members, limits = rollout["service"], rollout["members"], rollout["contract"]["pool"]
    if not members:
        raise PlanError(f"no host is in the group {service}: is this the right inventory?")
    unknown = [member for member in members if member not in pool["members"]]
    if unknown:
        raise PlanError(
            f"the balancers know no member {', '.join(unknown)} of {service}: run playbooks/provision.yml first"
        )
    more = [name for name, seen in pool["members"].items() if name not in members and seen.get("pool") == "online"]
    if more:
        raise PlanError(
            f"{', '.join(more)} of {service} serve customers and are not in the inventory as this run has read it, so"
            " they would be left behind: run the same command again; or playbooks/provision.yml, if they are to go"
        )
    problem = check_feasible(limits["floor"], limits["floor_per_zone"], {member: zones[member] for member in members})
    if problem:
        raise PlanError(f"{service}: {problem}; lower pool.floor in the contract or add members")


def _action(member: str, version: str, found: Mapping[str, Any], pool: Mapping[str, Any]) -> str:
    if not found.get("reachable", True):
        return "unreachable"
    return "pass" if is_done(member, version, found, pool) else "change"


def _is_switched_at_once(planned: Mapping[str, Any], rollout: Mapping[str, Any]) -> bool:
    return bool(rollout["contract"]["rollout"] == "atomic" and planned["pool"] == "online")


def _canary(changing: list[str], planned: Mapping[str, Mapping[str, Any]], kind: str) -> str:
    """The first member that is out already, as after a run that died: it costs the floor nothing. Else the first.

    Where those who serve are switched at once it is one of them, as those that are out follow.
    """
    first = [member for member in changing if (planned[member]["pool"] == "online") == (kind == "atomic")]
    return next(iter(first or changing), "")


def _holds(version: str, found: Mapping[str, Any]) -> bool:
    return any(release["version"] == version for release in found.get("releases", []))


def good_everywhere(releases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The releases proven good on every reachable member, in the order in which the fleet first proved them.

    A release's place is the latest of its members' first proofs, so that all hosts agree on the order whatever the
    names of the versions say.
    """
    reachable = [found for found in releases.values() if found.get("reachable", True)]
    # Moments are ISO 8601 in UTC, which sort as text.
    proofs: dict[str, list[str]] = {}
    for found in reachable:
        for release in found.get("releases", []):
            if release["state"] == "good":
                proofs.setdefault(release["version"], []).append(release["good_at"])
    everywhere = {name: max(times) for name, times in proofs.items() if len(times) == len(reachable)}
    return sorted(everywhere, key=lambda name: everywhere[name])


def rollback_version(service: str, releases: Mapping[str, Mapping[str, Any]], asked: str = "") -> str:
    """The version to go back to: the one asked for, or the newest good one that is older than what runs.

    Raises PlanError, with the list of those that can be had, where there is none or the one asked for isn't one.
    """
    reachable = {member: found for member, found in releases.items() if found.get("reachable", True)}
    if not reachable:
        raise PlanError(f"no member of {service} can be reached: {', '.join(releases) or 'the group is empty'}")
    good = good_everywhere(reachable)
    running = {found.get("active") or "" for found in reachable.values()}
    only = next(iter(running)) if len(running) == 1 else ""
    can_be_had = [name for name in good if name != only]
    listed = ", ".join(reversed(can_be_had)) or "none"
    if asked:
        if asked not in good:
            raise PlanError(f"{service} can't go back to {asked}: {_why_not(asked, reachable)}; can be had: {listed}")
        return asked
    older = good[: good.index(only)] if only in good else can_be_had
    if not older:
        raise PlanError(
            f"{service} has no good release older than {only or 'what runs'} on every member; can be had by naming it:"
            f" {listed}"
        )
    return older[-1]


def _why_not(version: str, releases: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a version isn't offered: where it is missing, where it is bad, where it was never proven."""
    states: dict[str, list[str]] = {}
    for member, found in releases.items():
        by_version = {release["version"]: release for release in found.get("releases", [])}
        release = by_version.get(version)
        state = release["state"] if release else "missing"
        said = f" ({release['reason']})" if release and state == "bad" and release.get("reason") else ""
        words = {"missing": "is not on", "bad": f"was marked bad{said} on", "staged": "was never proven good on"}
        if state in words:
            states.setdefault(words[state], []).append(member)
    return "; ".join(f"it {words} {', '.join(members)}" for words, members in states.items())


def lock_seconds(contract: Mapping[str, Any]) -> int:
    """How long the lock is held without being renewed: each task renews it, so the longest task and a margin."""
    release, health, gates = contract["release"], contract["health"], contract["gates"]
    quiesce = release["quiesce_timeout_seconds"] if release["slots"] else 0
    tasks = [
        release["prepare_timeout_seconds"] + quiesce,
        release["activate_timeout_seconds"] + quiesce,
        contract["pool"]["drain_seconds"],
        # Health is asked before the suites and after them.
        2 * health["timeout_seconds"] + sum(gate["timeout_seconds"] for gate in gates),
    ]
    return max(int(contract["lock_seconds"]), 30 + int(max(tasks)))


def plan_reconcile(
    members: list[str], releases: Mapping[str, Mapping[str, Any]], pool: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """What brings each member that is not in order back to a good release and online, by member.

    A member is not in order when a lease holds it, when it isn't online, or when its activation was never finished. One
    that is kept aside is in order.
    Each entry has ``version`` and ``previous``, or ``problem`` where nothing can be done from here.
    """
    fleet = _fleet_version(members, releases, pool)
    plans: dict[str, dict[str, str]] = {}
    for member in members:
        found, seen = releases[member], pool["members"].get(member, {})
        if seen.get("kept"):
            continue
        finished = found.get("activation_done", False) or not found.get("active")
        if found.get("reachable", True) and finished and seen.get("pool") == "online" and not seen.get("lease"):
            continue
        if found.get("reachable", True) and not found.get("active") and not seen.get("lease"):
            continue  # no release was ever carried here: that is for a rollout
        plans[member] = _back_in(member, found, seen, fleet)
    return plans


def _fleet_version(members: list[str], releases: Mapping[str, Mapping[str, Any]], pool: Mapping[str, Any]) -> str:
    """The proven release that most members serve online; empty where none does."""
    serving: dict[str, int] = {}
    for member in members:
        active = releases[member].get("active") or ""
        if pool["members"].get(member, {}).get("pool") == "online" and active in _good(releases[member]):
            serving[active] = serving.get(active, 0) + 1
    return max(serving, key=lambda version: serving[version], default="")


def _good(found: Mapping[str, Any]) -> list[str]:
    return [release["version"] for release in found.get("releases", []) if release["state"] == "good"]


def _back_in(member: str, found: Mapping[str, Any], seen: Mapping[str, Any], fleet: str) -> dict[str, str]:
    """The release to bring one member back with: the fleet's where it holds that, else its own newest good one."""
    if not found.get("reachable", True):
        return {"problem": f"can't be reached: {found.get('msg', '')}"}
    if not seen:
        return {"problem": "the balancers don't know it: run playbooks/provision.yml"}
    good = _good(found)
    if fleet and _holds(fleet, found):
        return {"version": fleet, "previous": next((name for name in reversed(good) if name != fleet), "")}
    if not good:
        return {"problem": "no release was proven good on it: roll one out"}
    version = found["active"] if found.get("active") in good else good[-1]
    return {"version": version, "previous": next((name for name in reversed(good) if name != version), "")}
