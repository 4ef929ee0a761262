# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The load and the sampler together: what can be said of the fleet at any moment, without asking a playbook."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from demo.lab import Service
from demo.load import Load
from demo.records import Record
from demo.sampler import Sampler


@dataclass
class Observer:
    """Looks at the fleet through a load and a sampler that are both under way."""

    load: Load
    sampler: Sampler
    answers_wanted: int = 20  # by each balancer, before it counts as known what a service answers
    patience_seconds: float = 15.0
    _seen: tuple[float, int] = field(default=(0.0, 0), init=False)

    def now(self) -> str:
        """One line: who is out, how many requests a second, how many of them failed."""
        records = self.load.records()
        recent = [r for r in records[-2000:] if r.t > time.time() - 3]
        failed = sum(record.failed for record in records)
        out = [f"{service}: {', '.join(names)} out" for service, names in self.out().items() if names]
        return "   ".join([*out, f"{len(recent) / 3:.0f} requests/s", f"{len(records):,} in all, {failed} failed"])

    def out(self) -> dict[str, list[str]]:
        """The members that some balancer doesn't hold online now, by service."""
        found: dict[str, set[str]] = {}
        for (_, service), sample in self.sampler.latest.items():
            found.setdefault(service, set()).update(sample.out)
        return {service: sorted(names) for service, names in sorted(found.items())}

    def was_out(self, service: str, since: float) -> list[str]:
        """The members of ``service`` that some balancer did not hold online at some time since then, in that order."""
        seen: dict[str, None] = {}
        for sample in self.sampler.samples:
            if sample.t >= since and sample.service == service:
                seen.update(dict.fromkeys(sample.out))
        return list(seen)

    def wait_for(self, service: Service, version: str, members: int = 0) -> str:
        """Waits until all members are online and customers get ``version`` alone; what is not so, empty when all is.

        With ``members``, until there are as many.
        """
        began, wrong = time.time(), "no answer yet"
        while wrong and time.time() < began + self.patience_seconds:
            time.sleep(0.25)
            wrong = self._members_missing(service) or self._other_than(service, members)
            wrong = wrong or self._answers_missing(service, version, began)
        return wrong

    def _members_missing(self, service: Service) -> str:
        out = self.out().get(service.name)
        if out is None:
            return f"no balancer shows {service.name}"
        return f"not online: {', '.join(out)}" if out else ""

    def _other_than(self, service: Service, members: int) -> str:
        """Which balancer has another number of members than that, where one is given."""
        latest = self.sampler.latest.items()
        totals = {balancer: sample.total for (balancer, name), sample in latest if name == service.name}
        others = [f"{name} has {total}" for name, total in totals.items() if members and total != members]
        return f"{', '.join(others)} members, not {members}" if others else ""

    def _answers_missing(self, service: Service, version: str, since: float) -> str:
        recent = [r for r in self.load.records()[-5000:] if r.service == service.name and r.t > since and not r.failed]
        for balancer in self.load.config.balancers:
            answers = [record for record in recent if record.balancer == balancer][-self.answers_wanted :]
            if len(answers) < self.answers_wanted:
                return f"only {len(answers)} answers through {balancer}"
            if others := _others(answers, version):
                return f"{balancer} still answers with {', '.join(others)}, not with {version} alone"
        return ""


def _others(answers: list[Record], version: str) -> list[str]:
    return sorted({str(record.version) for record in answers} - {version})
