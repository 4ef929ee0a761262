# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a service comes to have as many members as were asked for, decided before anything is touched. Pure.

Members are hosts of the inventory, which stay, and hosts that were launched, by the name ``<service>-<number>``: the
highest number is the newest. ``hosts`` are the launched ones as the provider lists them (name, zone, state, image),
``pool`` is the answer of ``pool_info``, ``images`` the catalogue of the service, the newest first.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import check_feasible, count_of
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_across import clashes
from ansible_collections.golden.fleet.plugins.plugin_utils._images import active_release, good_releases, newest_good


class ScaleError(Exception):
    """The service can't be scaled as asked; the message says what to do."""


def host_name(service: str, number: int) -> str:
    """The name of a launched host: also its host name, which has no underscores."""
    return f"{service.replace('_', '-')}-{number}"


def number_of(name: str) -> int:
    """The number in a launched host's name; 0 where there is none."""
    match = re.search(r"-(\d+)$", name)
    return int(match[1]) if match else 0


def checked_count(asked: Any) -> int:
    """How many members were asked for, whatever form the command line gave it. ScaleError."""
    text = str(asked).strip()
    if not re.fullmatch(r"\d{1,6}", text):
        raise ScaleError(f"count is {asked!r} and not a number of members, such as -e count=12")
    return int(text)


def plan(
    contracts: Sequence[Mapping[str, Any]],
    service: str,
    count: Any,
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """What to do so that ``service`` has ``count`` members that serve.

    ``found``: ``pool``, ``hosts``, ``images``, and ``zones``, the zone of each member by name, launched or not.
    Returns ``launch`` (hosts with name and zone), ``image`` and ``version`` for them, ``dismiss`` (members that leave,
    the first to go first), ``remove`` (launched hosts that go, those and such as serve nobody), ``replacements``, the
    most hosts that may be replaced on the way, and ``now``, ``wanted``, ``zones``, ``idle``.
    """
    contract = next(one for one in contracts if one["service"] == service)
    wanted = checked_count(count)
    pool, hosts = found["pool"], {host["name"]: host for host in found["hosts"]}
    refuse_blind(service, pool)
    aside = kept_aside(pool)
    declared = [name for name in contract["members"] if name not in hosts and name not in aside]
    serving = [name for name in sorted(hosts, key=number_of) if _serves(pool, name)]
    over = [name for name in hosts if name in aside and aside[name]["expired"]]
    idle = [name for name in hosts if name not in serving and name not in aside]
    now = len(declared) + len(serving)
    zones = {name: zone for name, zone in found["zones"].items() if name not in aside}
    _refuse_count(contract, wanted, declared, found["zones"])
    # A member whose host is gone, whoever took it, is no member.
    lost = [name for name in pool["members"] if name not in contract["members"] and name not in hosts]
    result: dict[str, Any] = {"now": now, "wanted": wanted, "zones": found["zones"], "image": "", "version": ""}
    result |= {"launch": [], "replacements": 0, "spare_from": 0}
    leaving: list[str] = []
    if wanted > now:
        refuse_clash(contracts, contract, wanted + len(aside) - len(over))
        image = _image(service, pool, found["images"])
        result |= {"image": image["image"], "version": active_release(image)}
        usable = [name for name in sorted(idle, key=number_of) if hosts[name]["image"] == image["image"]][
            : wanted - now
        ]
        result["launch"] = hosts_to_launch(service, wanted - now, usable, found["hosts"], zones, pool)
        result["spare_from"] = spare_from(result["launch"], found["hosts"], pool)
        result["replacements"] = count_of(contract["scale"]["replacements"], wanted - now, up=True)
        idle = [name for name in idle if name not in usable]
    else:
        leaving = _newest(serving, zones, now - wanted)
    # Those that serve nobody go first: they cost the floor nothing.
    known = [name for name in [*lost, *over, *idle] if is_known(pool, name)]
    result["dismiss"] = [*known, *leaving]
    result["remove"] = [*over, *idle, *leaving]
    return {**result, "idle": not (result["launch"] or result["dismiss"] or result["remove"])}


def group_count(contract: Mapping[str, Any], asked: Any) -> int:
    """How many a group that a provider scales by itself is to have. ScaleError where the contract doesn't allow it."""
    wanted = checked_count(asked)
    _refuse_count(contract, wanted, [], {})
    return wanted


def _serves(pool: Mapping[str, Any], name: str) -> bool:
    seen = pool["members"].get(name, {})
    return seen.get("pool") == "online" and not seen.get("lease")


def kept_aside(pool: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those that are kept aside to be gone back to, whoever may have them in hand: how long, and with which version."""
    return {name: seen["kept"] for name, seen in pool["members"].items() if seen.get("kept")}


def is_known(pool: Mapping[str, Any], name: str) -> bool:
    """Whether a balancer has something of it that is to be ended."""
    seen = pool["members"].get(name)
    return bool(seen) and any(one["recorded"] != "gone" for one in seen["balancers"].values())


def refuse_blind(service: str, pool: Mapping[str, Any]) -> None:
    if pool["unreachable_balancers"]:
        raise ScaleError(f"{service}: balancer can't be reached: {'; '.join(pool['unreachable_balancers'])}")


def _refuse_count(contract: Mapping[str, Any], wanted: int, declared: Sequence[str], zones: Mapping[str, str]) -> None:
    service, floor = contract["service"], contract["pool"]["floor"]
    if wanted < len(declared):
        raise ScaleError(
            f"{service}: {wanted} is fewer than its {len(declared)} hosts of the inventory, which scaling leaves alone:"
            f" {', '.join(declared)}"
        )
    least = count_of(floor, wanted, up=True)
    if wanted < least or wanted == 0:
        raise ScaleError(f"{service}: {wanted} is below its floor of {floor}; the floor is pool.floor in the contract")
    problem = check_feasible(floor, 0, {str(number): "" for number in range(wanted)})
    if problem and wanted > 1:
        raise ScaleError(f"{service}: with {problem}, so no rollout could change them; ask for more")


def refuse_clash(contracts: Sequence[Mapping[str, Any]], contract: Mapping[str, Any], wanted: int) -> None:
    """Each member has a port of its own on the balancers."""
    first = contract["pool"]["maintenance_port"]
    if first + wanted - 1 > 65535:
        raise ScaleError(
            f"{contract['service']}: {wanted} members need the ports from {first} on, and 65535 is the last"
        )
    grown = {**contract, "members": [str(number) for number in range(wanted)]}
    others = [one for one in contracts if one["service"] != contract["service"]]
    problems = [line for other in others for line in clashes([grown, other]) if "pool.maintenance_port" in line]
    if problems:
        raise ScaleError(f"{contract['service']} can't have {wanted} members: {problems[0]}")


def _image(service: str, pool: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The newest good image of the release that all members serve: never that of one that was left."""
    versions = {
        name: {one["version"] for one in seen["balancers"].values() if one["recorded"] == "online"}
        for name, seen in pool["members"].items()
    }
    active = set().union(*versions.values()) - {None} if versions else set()
    if len(active) != 1:
        seen = f"its members serve {', '.join(sorted(active))}" if active else "no rollout has brought it a release yet"
        raise ScaleError(f"{service}: {seen}; roll one out to all members first")
    (version,) = active
    image = newest_good(images, version)
    if image is None:
        raise ScaleError(
            f"{service}: there is no good image of {version}, which its members serve"
            f" (there are of: {good_releases(images)}): run playbooks/bake.yml -e service={service} first"
        )
    return image


def hosts_to_launch(
    service: str,
    missing: int,
    usable: Sequence[str],
    there: Sequence[Mapping[str, str]],
    beside: Mapping[str, str],
    pool: Mapping[str, Any],
    all_zones: Iterable[str] = (),
) -> list[dict[str, str]]:
    """The hosts to launch: what an earlier run left first, then new ones where the fewest of those ``beside`` are.

    ``there`` are the launched hosts, ``beside`` members with their zones, ``all_zones`` those where there may be none.
    """
    zones = {host["name"]: host["zone"] for host in there}
    hosts = [{"name": name, "zone": zones[name]} for name in usable]
    counts = collections.Counter({zone: 0 for zone in [*all_zones, *beside.values()] if zone})
    counts.update(zone for name, zone in beside.items() if zone and name not in usable)
    counts.update(host["zone"] for host in hosts if host["zone"])
    stem = host_name(service, 0)[:-1]
    number = max([number_of(name) for name in [*zones, *pool["members"]] if name.startswith(stem)], default=0)
    for _ in range(missing - len(hosts)):
        number += 1
        zone = min(counts, key=lambda name: (counts[name], name)) if counts else ""
        counts[zone] += 1
        hosts.append({"name": host_name(service, number), "zone": zone})
    return hosts


def spare_from(
    launched: Sequence[Mapping[str, str]], there: Sequence[Mapping[str, str]], pool: Mapping[str, Any]
) -> int:
    """The first number that no host and no member has: hosts that replace others are named from it on."""
    names = [*(host["name"] for host in [*launched, *there]), *pool["members"]]
    return max([number_of(name) for name in names], default=0) + 1


def _newest(serving: Sequence[str], zones: Mapping[str, str], count: int) -> list[str]:
    """The ``count`` members to go: each time the newest of the zone that has the most members."""
    counts = collections.Counter(zones.values())
    left, chosen = list(serving), []
    for _ in range(count):
        most = max(counts[zones.get(name, "")] for name in left)
        going = max((name for name in left if counts[zones.get(name, "")] == most), key=number_of)
        left.remove(going)
        chosen.append(going)
        counts[zones.get(going, "")] -= 1
    return chosen


def table(service: str, planned: Mapping[str, Any]) -> list[str]:
    """The plan as lines of text."""
    lines = [f"{service}: {planned['now']} members serve, {planned['wanted']} are wanted"]
    if planned["idle"]:
        return [*lines, "nothing is to do"]
    if planned["launch"]:
        zones = collections.Counter(host["zone"] for host in planned["launch"])
        spread = ", ".join(f"{count} in zone {zone}" for zone, count in sorted(zones.items()) if zone)
        lines.append(
            f"launched from {planned['image']} ({planned['version']}): {shown([h['name'] for h in planned['launch']])}"
            + (f"; {spread}" if spread else "")
        )
    if planned["dismiss"]:
        lines.append(f"leave the pools, in this order: {shown(planned['dismiss'])}")
    if planned["remove"]:
        lines.append(f"hosts that are removed: {shown(planned['remove'])}")
    return lines


def shown(names: Sequence[str]) -> str:
    """Names in a line, the middle of many left out."""
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])} ... {names[-1]} ({len(names)})"


def outcome(service: str, planned: Mapping[str, Any], grown: Mapping[str, Any]) -> dict[str, Any]:
    """What is said at the end: ``lines`` and, where it fell short, ``failure``."""
    joined, replaced, missing = (grown.get(key) or {} for key in ("joined", "replaced", "missing"))
    lines = []
    if joined:
        lines.append(f"{service}: {len(joined)} joined, {_times(list(joined.values()))} from launch to pool")
    if replaced:
        lines.append(f"{service}: {len(replaced)} were replaced, for example {_first(replaced)}")
    failure = ""
    if missing:
        failure = (
            f"{service}: {len(missing)} of the {planned['wanted']} members wanted are missing, as no more than"
            f" {planned['replacements']} hosts are replaced in one run: {_first(missing)}. Those that joined serve; the"
            " same command again launches the rest"
        )
    return {"lines": lines, "failure": failure}


def _first(reasons: Mapping[str, str]) -> str:
    name, why = next(iter(reasons.items()))
    return f"{name}: {why}"


def _times(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return f"p50 {p50:g} s, p99 {p99:g} s"
