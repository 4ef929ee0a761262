# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How hosts of one release are replaced by hosts of another, decided before anything is touched. Pure.

``hosts`` are the launched ones as the provider lists them (name, zone, state, image), ``pool`` is the answer of
``pool_info``, ``images`` the catalogue of the service, the newest first, ``zones`` each member's by name. A member's
release is the one that the balancers admitted it with.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import count_of
from ansible_collections.golden.fleet.plugins.plugin_utils import _scale
from ansible_collections.golden.fleet.plugins.plugin_utils._images import newest_good
from ansible_collections.golden.fleet.plugins.plugin_utils._scale import ScaleError, kept_aside, shown


@dataclasses.dataclass
class Groups:
    """The members by what is to become of them; hosts that are none yet or no more are ``idle``."""

    new: list[str] = dataclasses.field(default_factory=list)
    between: list[str] = dataclasses.field(default_factory=list)
    old: list[str] = dataclasses.field(default_factory=list)
    kept: list[str] = dataclasses.field(default_factory=list)
    idle: list[str] = dataclasses.field(default_factory=list)

    @property
    def members(self) -> list[str]:
        return [*self.new, *self.between, *self.old]


def plan(
    contracts: Sequence[Mapping[str, Any]], service: str, version: str, found: Mapping[str, Any]
) -> dict[str, Any]:
    """What to do so that hosts of ``version`` serve, as many as members serve now, and no others.

    ``found``: ``pool``, ``hosts``, ``images``, ``zones``. Returns ``back``, hosts that are there and are brought back
    in (name, zone, address); ``canary`` and ``launch``, hosts to launch from ``image`` of ``key``; ``bakes``, whether
    that has to be made first; ``leave``, members to be kept aside for ``keep_seconds``; ``dismiss`` and ``remove``, as
    in scaling; ``begun``, launched by a run that died; ``wanted``, ``allowed`` (failures), ``replacements``,
    ``spare_from``, ``floor`` (a count), ``zones``, ``serving`` (members by version), ``renders`` (whether the
    balancers' configuration has others) and ``idle``.
    """
    contract = next(one for one in contracts if one["service"] == service)
    pool, hosts = found["pool"], {host["name"]: host for host in found["hosts"]}
    _scale.refuse_blind(service, pool)
    _refuse_unread(contract, pool, hosts)
    groups = _groups(contract, version, pool, hosts)
    # Of a run that died, what it wanted; its new members may serve beside the old ones.
    wanted = pool.get("wanted") or len(groups.members) or len(contract["members"])
    floor = _floor(contract, wanted)
    missing = max(0, wanted - len(groups.new))
    aside = [name for name in groups.kept if pool["members"][name]["kept"]["version"] == version]
    back = [*groups.between, *aside][:missing]
    leave = [*groups.old, *(name for name in groups.between if name not in back)]
    image = newest_good(found["images"], version)
    launched = _launched(service, missing - len(back), image, found, groups, back)
    usable = [host["name"] for host in launched if host["name"] in hosts]
    over = [
        name
        for name in groups.kept
        if name in hosts and name not in back and (leave or pool["members"][name]["kept"]["expired"])
    ]
    going = [*over, *(name for name in groups.idle if name in hosts and name not in usable)]
    lost = [name for name in pool["members"] if name not in contract["members"] and name not in hosts]
    after = {*contract["members"], *(host["name"] for host in launched)} - set(going)
    _scale.refuse_clash(contracts, contract, len(after))
    canary = launched[:1] if not (groups.new or back) else []
    result = {
        "version": version,
        "wanted": wanted,
        "back": [_place(name, found) for name in back],
        "canary": canary,
        "launch": launched[len(canary) :],
        "image": image["image"] if image else "",
        "key": image.get("key", "") if image else "",
        "bakes": bool(launched) and not image,
        "replacements": count_of(contract["scale"]["replacements"], len(launched), up=True) if launched else 0,
        "spare_from": _scale.spare_from(launched, found["hosts"], pool),
        "leave": leave,
        "keep_seconds": contract["scale"]["keep_previous_minutes"] * 60,
        "dismiss": [name for name in [*lost, *going] if _scale.is_known(pool, name)],
        "remove": going,
        "begun": [name for name in groups.new if name in hosts] if pool.get("wanted") else [],
        "allowed": count_of(contract["budget"]["failures"], wanted),
        "floor": floor,
        "zones": dict(found["zones"]),
        "serving": dict(collections.Counter(pool["members"][name]["version"] or "unknown" for name in groups.members)),
    }
    result["renders"] = bool(launched or going) or _unnamed(contract, pool)
    done = ("back", "canary", "launch", "leave", "dismiss", "remove", "renders")
    return {**result, "idle": not (any(result[key] for key in done) or pool.get("wanted") or pool["lock"])}


def _groups(contract: Mapping[str, Any], version: str, pool: Mapping[str, Any], hosts: Mapping[str, Any]) -> Groups:
    groups, aside = Groups(), kept_aside(pool)
    for name in contract["members"]:
        seen = pool["members"].get(name, {})
        if seen.get("pool") in ("online", "down") and not seen["version"]:
            # Whatever it serves, as one that was admitted before balancers recorded that.
            groups.old.append(name)
        elif not seen.get("version") or _is_gone(seen):
            groups.idle.append(name)
        elif name in aside and not seen["lease"]:
            groups.kept.append(name)
        elif seen["version"] != version:
            groups.old.append(name)
        elif seen["pool"] in ("online", "down") and not seen["lease"]:
            groups.new.append(name)
        else:
            groups.between.append(name)
    groups.idle += [name for name in hosts if name not in contract["members"]]
    return groups


def _is_gone(seen: Mapping[str, Any]) -> bool:
    return all(one["recorded"] in ("gone", None) for one in seen["balancers"].values())


def _refuse_unread(contract: Mapping[str, Any], pool: Mapping[str, Any], hosts: Mapping[str, Any]) -> None:
    """Hosts that came after the inventory was read."""
    late = [name for name in hosts if name in pool["members"] and name not in contract["members"]]
    if late:
        raise ScaleError(f"{contract['service']}: {shown(late)} came while this run began: run the same command again")


def _floor(contract: Mapping[str, Any], wanted: int) -> int:
    """The floor as a count: of the members that there are to be, not of old and new ones together."""
    least = count_of(contract["pool"]["floor"], wanted, up=True)
    if not wanted:
        raise ScaleError(f"no host is in the group {contract['service']}: is this the right inventory?")
    if least > wanted:
        raise ScaleError(
            f"{contract['service']}: {wanted} members serve and the floor is {least}, so none could leave: lower"
            " pool.floor in the contract, or scale"
        )
    return least


def _launched(
    service: str,
    count: int,
    image: Mapping[str, Any] | None,
    found: Mapping[str, Any],
    groups: Groups,
    back: Sequence[str],
) -> list[dict[str, str]]:
    """The hosts to launch: what a run that died left of the image first; spread over the zones as members are now."""
    there = {host["name"]: host for host in found["hosts"]}
    fitting = [name for name in groups.idle if name in there and image and there[name]["image"] == image["image"]]
    usable = sorted(fitting, key=_scale.number_of)[:count]
    beside = {name: found["zones"].get(name, "") for name in [*groups.new, *back]}
    zones = [found["zones"].get(name, "") for name in groups.members]
    return _scale.hosts_to_launch(service, count, usable, found["hosts"], beside, found["pool"], zones)


def _place(name: str, found: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": name,
        "zone": found["zones"].get(name, ""),
        "address": found["pool"]["members"][name]["address"],
    }


def _unnamed(contract: Mapping[str, Any], pool: Mapping[str, Any]) -> bool:
    """Whether a balancer's configuration names others than the members, as where a run died before it was rendered."""
    named: dict[str, set[str]] = {balancer: set() for balancer in pool["balancers"]}
    for name, seen in pool["members"].items():
        for balancer, one in seen["balancers"].items():
            if one["maintenance_port"]:
                named[balancer].add(name)
    return any(names != set(contract["members"]) for names in named.values())


def table(service: str, planned: Mapping[str, Any]) -> list[str]:
    """The plan as lines of text."""
    serving = ", ".join(f"{count} of {version}" for version, count in sorted(planned["serving"].items()))
    version, wanted, image = planned["version"], planned["wanted"], planned["image"] or "the image yet to be made"
    lines = [f"{service}: {serving or 'nobody'} serves; wanted are {wanted} of {version}"]
    if planned["idle"]:
        return [*lines, "nothing is to do"]
    if planned["back"]:
        lines.append(f"brought back in: {shown([host['name'] for host in planned['back']])}")
    if planned["canary"]:
        lines.append(f"launched first, alone, from {image}: {planned['canary'][0]['name']}")
    if planned["launch"]:
        names = [host["name"] for host in planned["launch"]]
        lines.append(f"launched from {image}: {shown(names)}")
    if planned["leave"]:
        minutes = planned["keep_seconds"] // 60
        lines.append(f"leave the online pool then, and are kept for {minutes} minutes: {shown(planned['leave'])}")
    if planned["remove"]:
        lines.append(f"hosts that are removed: {shown(planned['remove'])}")
    return lines


def judge(service: str, planned: Mapping[str, Any], grown: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What becomes of it, by what the canary and then the others came to (results of ``launch_members``).

    ``ended`` is done, partly (failures within the budget) or turned_back; ``away`` are new members that go for good and
    ``aside`` those that are kept again; ``bad`` says whether the image is at fault; ``zones`` are of all members then;
    ``lines`` and ``failure`` are said.
    """
    joined, missing, replaced = (_together(grown, key) for key in ("joined", "missing", "replaced"))
    back = {host["name"] for host in planned["back"]}
    unproven = [name for one in grown for name in one.get("unproven", []) if name not in back]
    first = {host["name"] for host in planned["canary"]}
    over = bool(first & missing.keys()) or len(missing) > planned["allowed"]
    lines = [f"{service}: {len(joined)} joined"] if joined else []
    lines += [f"{name} was replaced: {_line(why)}" for name, why in replaced.items()]
    verdict: dict[str, Any] = {"ended": "done", "away": [], "aside": [], "bad": False, "lines": lines, "failure": ""}
    # For the floor of each zone, those count that joined.
    verdict["zones"] = {**planned["zones"], **_together(grown, "zones")}
    if not missing:
        return verdict
    named = "; ".join(f"{name}: {why}" for name, why in missing.items())
    if over and planned["leave"]:
        away = [name for name in [*planned["begun"], *joined] if name not in back]
        failure = (
            f"{service} {planned['version']} was turned back: {len(missing)} failed where the budget allows"
            f" {planned['allowed']} (and no canary may): {named}. The members that served before were never touched"
        )
        aside = [name for name in joined if name in back]
        return {
            **verdict,
            "ended": "turned_back",
            "away": list(dict.fromkeys(away)),
            "aside": aside,
            "bad": bool(unproven),
            "failure": failure,
        }
    within = f"within the budget of {planned['allowed']}" if not over else "and nobody is left who served before"
    failure = (
        f"{service} {planned['version']} did not reach every member: {len(missing)} of {planned['wanted']} are missing,"
        f" {within}: {named}. The same command again launches them"
    )
    return {**verdict, "ended": "partly", "failure": failure}


def _together(grown: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {name: value for one in grown for name, value in (one.get(key) or {}).items()}


def _line(text: str) -> str:
    return text.partition("\n")[0]
