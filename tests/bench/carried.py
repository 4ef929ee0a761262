# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Atomic rollouts of the service `pages`, one after the other, while customers ask; and what was seen of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from demo.load import Load
from demo.records import Config, Figures, Record, Target
from tests.bench.answers import PATTERN, Answer, Switch, answers, stale
from tests.bench.opcode_cache import Sample, sampled
from tests.integration.fleet import Fleet

NAME = "pages"
SLOT = 'cd /srv/pages && stat --format=%.9Z current && cat "$(readlink current).json"'
# Longer than any load lasts; it ends when it is told to.
BOUND_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Rollout:
    """One rollout that succeeded, and when each member's link was renamed in it."""

    version: str
    began: float
    seconds: float
    switches: list[Switch]

    @property
    def spread(self) -> float:
        moments = [switch.at for switch in self.switches]
        return max(moments) - min(moments)


@dataclass
class Carried:
    """What customers got, what the opcode caches said by member, and what was done meanwhile."""

    before: list[Switch]
    rollouts: list[Rollout]
    figures: Figures
    records: list[Record]
    samples: dict[str, list[Sample]]

    @property
    def failed(self) -> list[Record]:
        return [record for record in self.records if record.failed]

    @cached_property
    def answers(self) -> list[Answer]:
        return answers(self.records)

    @property
    def mixed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.mixed]

    @property
    def stale(self) -> list[Answer]:
        """Those of a release that the member's link did not lead to; see answers.stale."""
        return stale(self.answers, [*self.before, *(one for rollout in self.rollouts for one in rollout.switches)])

    def left(self, member: str) -> list[Sample]:
        """The last sample of the member's cache from before each rollout, and from the end."""
        ends = [*(rollout.began for rollout in self.rollouts[1:]), float("inf")]
        return [max((s for s in self.samples[member] if s.told < end), key=lambda s: s.told) for end in ends]


def switches(fleet: Fleet) -> list[Switch]:
    """Where each member's link leads to, and since when: all hosts of this machine share its clock."""
    found = []
    for member, said in fleet.on_each(fleet.lab.services[NAME].members, "sh", "-c", SLOT).items():
        moment, record = said.split("\n", 1)
        found.append(Switch(float(moment), fleet.host(member).address, json.loads(record)["version"]))
    return found


def load(fleet: Fleet, rate: float, folder: Path) -> Load:
    """Customers who ask for whole pages, at both balancers in turn."""
    contract = fleet.lab.services[NAME].contract
    balancers = {host.name: f"http://{host.address}" for host in fleet.lab.balancers}
    target = Target(NAME, contract["pool"]["domain"], "/", {"pattern": PATTERN})
    return Load(Config(balancers, (target,), rate=rate, seconds=BOUND_SECONDS), folder, name="atomic")


def carry(
    fleet: Fleet,
    given: Iterable[tuple[str, dict[str, Any]]],
    rate: float,
    folder: Path,
    tell: Callable[[Rollout], None] = lambda _: None,
) -> Carried:
    """Rolls out one version after the other, each with its variables; raises where one does not succeed."""
    port = fleet.lab.services[NAME].contract["listen"]["preview_port"]
    before = switches(fleet)
    done = []
    with sampled([switch.member for switch in before], port) as samples, load(fleet, rate, folder) as customers:
        for version, variables in given:
            began, clock = time.time(), time.monotonic()
            fleet.must("golden.fleet.rollout", service=NAME, version=version, **variables)
            done.append(Rollout(version, began, time.monotonic() - clock, switches(fleet)))
            assert {switch.version for switch in done[-1].switches} == {version}
            tell(done[-1])
        # The last one's switch, too, is to be asked for as long as the others'.
        time.sleep(2)
        figures = customers.stop()
    return Carried(before, done, figures, customers.records(), samples)
