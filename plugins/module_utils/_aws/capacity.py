# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a group comes to have as many instances as asked for, a step at a time. Pure.

Each step is decided from what is there now and from nothing else, so that whoever runs next goes on with it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence

from ansible_collections.golden.fleet.plugins.module_utils._aws.group import Group, GroupError, Member
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import Share, count_of

# Without these a group doesn't do what it is asked for; each with what it is needed for.
_NEEDED = {
    "Launch": "launches nothing",
    "Terminate": "ends nothing",
    "AddToLoadBalancer": "registers nothing with its target groups",
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The floors of the contract, and how many may be out at once."""

    floor: Share = 0
    floor_per_zone: Share = 0
    window: Share = "100%"


@dataclasses.dataclass(frozen=True)
class Step:
    """What to do now: a capacity to ask for, instances to end for good. ``done`` where nothing is left to do."""

    desired: int | None = None
    end: Sequence[str] = ()
    done: bool = False
    waiting: str = ""


def refuse_count(group: Group, wanted: int) -> None:
    """Raises GroupError for a count that the group isn't allowed."""
    if wanted > group.most:
        raise GroupError(
            f"{group.name}: {wanted} is above its MaxSize of {group.most}: raise it first, or ask for less"
        )
    if wanted < group.least:
        raise GroupError(
            f"{group.name}: {wanted} is below its MinSize of {group.least}: lower that first, or ask for more"
        )


def refuse_suspended(group: Group, processes: Iterable[str]) -> None:
    """Raises GroupError where somebody, or publish for want of a good image, has stopped what is needed."""
    stopped = [name for name in processes if name in group.suspended]
    if stopped:
        why = " and ".join(_NEEDED[name] for name in stopped)
        raise GroupError(
            f"{group.name} {why}, as {', '.join(stopped)} is suspended:"
            " publish a good image, or resume it if you stopped it"
        )


def plan_capacity(group: Group, wanted: int, limits: Limits) -> Step:
    """The next step to ``wanted`` instances that all serve."""
    refuse_count(group, wanted)
    there = len(group.members)
    if group.desired < wanted:
        refuse_suspended(group, ("Launch", "AddToLoadBalancer"))
        return Step(desired=wanted, waiting=group.waiting_for(wanted))
    if group.desired > max(wanted, there):
        # Those that aren't launched yet need not be.
        return Step(desired=max(wanted, there), waiting=group.waiting_for(wanted))
    surplus = group.desired - wanted
    if surplus > 0:
        refuse_suspended(group, ("Terminate",))
        return _plan_leaving(group, surplus, wanted, limits)
    if len(group.serving) >= wanted:
        return Step(done=True, waiting=group.waiting_for(wanted))
    refuse_suspended(group, ("Launch", "AddToLoadBalancer"))
    return Step(waiting=group.waiting_for(wanted))


def _plan_leaving(group: Group, surplus: int, wanted: int, limits: Limits) -> Step:
    free = [member for member in group.members if not member.protected]
    if len(free) < surplus:
        raise GroupError(
            f"{group.name}: {surplus} are to go, and {len(group.members) - len(free)} of its"
            f" {len(group.members)} instances are protected from scaling in: lift that, or ask for more"
        )
    idle = [member for member in reversed(free) if not member.serves][:surplus]
    leaving = [*idle, *newest([member for member in free if member.serves], group.members, surplus - len(idle))]
    # A floor in per cent is one of the members that are left.
    going = let_go(group, leaving, count_of(limits.floor, wanted, up=True), limits.floor_per_zone, leave=True)
    left = len(group.members) - len(going)
    return Step(end=going, waiting=f"{left} are left, {wanted} are wanted" if going else _held(group, limits))


def _held(group: Group, limits: Limits) -> str:
    return f"{group.waiting_for(group.desired)}, the floor of {limits.floor} lets no further one go"


def newest(free: Sequence[Member], members: Sequence[Member], count: int) -> list[Member]:
    """The ``count`` to go: each time the newest of the zone that has the most members."""
    counts = collections.Counter(member.zone for member in members)
    left, chosen = list(free), []
    for _ in range(count):
        most = max(counts[member.zone] for member in left)
        going = max((one for one in left if counts[one.zone] == most), key=lambda one: (one.launched, one.id))
        left.remove(going)
        chosen.append(going)
        counts[going.zone] -= 1
    return chosen


def let_go(
    group: Group,
    candidates: Sequence[Member],
    least: int,
    per_zone: Share,
    leave: bool = False,
    most: int | None = None,
) -> list[str]:
    """Those of the candidates, in their order, that the floors let go now; of those that serve ``most`` at the most.

    ``leave`` where nothing comes in their place: a zone's floor in per cent is then one of those that are left in it.
    """
    serving = collections.Counter(member.zone for member in group.serving)
    there = collections.Counter(member.zone for member in group.members)
    left, gone, going = len(group.serving), 0, []
    for member in candidates:
        zone = member.zone
        if member.serves:
            zone_least = count_of(per_zone, there[zone] - (1 if leave else 0), up=True)
            if left - 1 < least or serving[zone] - 1 < zone_least or (most is not None and gone >= most):
                continue
            left, gone = left - 1, gone + 1
            serving[zone] -= 1
        there[zone] -= 1 if leave else 0
        going.append(member.id)
    return going
