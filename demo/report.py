# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What customers got and who was online, added up: from the load's records, the balancers' journals and the samples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.lab import Host, Service
from demo.records import Figures, Record
from demo.sampler import Sample

LONGEST_BLINDNESS_SECONDS = 5.0


@dataclass(frozen=True)
class Admission:
    """A balancer began to let customers reach a member that had passed its gates with this version."""

    at: float
    balancer: str
    service: str
    member: str
    version: str


@dataclass(frozen=True)
class Step:
    """One step of the demo: what the report says of it, and where it stands in the picture."""

    name: str
    began: float
    seconds: float
    ok: bool
    detail: str = ""
    label: str = ""


def parse_journal(text: str, balancer: str, service: str, clock_offset: float = 0.0) -> list[Admission]:
    """The admissions out of a balancer's journal, on this machine's clock.

    ``admitting`` is written before the balancer lets customers through, ``admitted`` once it has done so; the gates
    had passed before either.
    """
    events = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [
        Admission(float(event["at"]) - clock_offset, balancer, service, event["member"], str(event["version"]))
        for event in events
        if event["event"] in ("admitting", "admitted")
    ]


def fetch_admissions(
    balancers: Iterable[Host], services: Iterable[str], folder: str, clock_offsets: Mapping[str, float] | None = None
) -> list[Admission]:
    """The admissions of ``services`` out of the journals in ``folder`` of every balancer, in order of time."""
    offsets = clock_offsets or {}
    names = list(services)
    found: list[Admission] = []
    for host in balancers:
        for service in names:
            journal = f"{folder}/{service}.journal.jsonl"
            text = host.read(f"{journal}.1", journal)  # the older part, where it had grown too large, comes first
            found += parse_journal(text, host.name, service, offsets.get(host.name, 0.0))
    return sorted(found, key=lambda admission: admission.at)


def serving(admissions: Iterable[Admission], at: float) -> dict[str, set[str]]:
    """The versions that each service's members had last been admitted with at that time: {service: versions}."""
    last: dict[tuple[str, str, str], str] = {}
    for one in sorted(admissions, key=lambda admission: admission.at):
        if one.at <= at:
            last[one.balancer, one.service, one.member] = one.version
    found: dict[str, set[str]] = {}
    for (_, service, _), version in last.items():
        found.setdefault(service, set()).add(version)
    return found


def wrong_versions(
    records: Sequence[Record],
    admissions: Sequence[Admission],
    starting: Mapping[str, Iterable[str]] | None = None,
) -> list[Record]:
    """Answers by a version that had not passed its gates when it answered.

    Right is a version that was serving when the load began (by the journals, or by ``starting``), and any other from
    its first admission on. A version that served earlier and was replaced has to be admitted anew.
    """
    if not records:
        return []
    began = min(record.t for record in records)
    allowed: dict[tuple[str, str], float] = {}
    for given in (serving(admissions, began), starting or {}):
        allowed.update({(service, version): 0.0 for service, versions in given.items() for version in versions})
    for one in admissions:
        if one.at > began:
            key = (one.service, one.version)
            allowed[key] = min(one.at, allowed.get(key, one.at))
    never = float("inf")
    return [
        record
        for record in records
        if record.version is not None and record.answered_at < allowed.get((record.service, record.version), never)
    ]


def online_min(samples: Iterable[Sample], service: str) -> int:
    """The fewest members that any balancer held online at any sample; 0 where nobody looked."""
    return min((sample.online for sample in samples if sample.service == service), default=0)


def longest_blindness(samples: Iterable[Sample], began: float, ended: float) -> float:
    """The longest time within (began, ended) in which some balancer was not sampled; all of it where none was."""
    times: dict[str, list[float]] = {}
    for sample in samples:
        times.setdefault(sample.balancer, [began]).append(sample.t)
    longest = 0.0 if times else ended - began
    for seen in times.values():
        within = sorted(min(max(t, began), ended) for t in [*seen, ended])
        longest = max(longest, *(b - a for a, b in zip(within, within[1:], strict=False)))
    return longest


@dataclass(frozen=True)
class Evidence:
    """All that was measured."""

    services: Mapping[str, Service]
    records: Sequence[Record]
    admissions: Sequence[Admission]
    samples: Sequence[Sample]
    steps: Sequence[Step]
    load_facts: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)  # of the machine, the clocks, the gaps


def build(evidence: Evidence) -> dict[str, Any]:
    """The content of report.json; the first six keys are promised, the others say more."""
    wrong = wrong_versions(evidence.records, evidence.admissions)
    services = {name: _of_service(evidence, service, wrong) for name, service in evidence.services.items()}
    # One pair of figures for all services: that of the service which came nearest to its floor.
    nearest = min(services.values(), key=lambda s: s["online_members_min"] - s["floor"], default={})
    figures = Figures.of(list(evidence.records), evidence.load_facts)
    times = [record.t for record in evidence.records]
    blind = longest_blindness(evidence.samples, min(times, default=0.0), max(times, default=0.0))
    return {
        "requests_total": figures.requests,
        "requests_failed": figures.failed,
        "requests_wrong_version": len(wrong),
        "online_members_min": nearest.get("online_members_min", 0),
        "floor": nearest.get("floor", 0),
        "steps": [_of_step(step) for step in evidence.steps],
        "services": services,
        "requests_per_second": figures.rate,
        "latency_ms": {"p50": figures.p50_ms, "p99": figures.p99_ms, "max": figures.max_ms},
        "retries_on_closed_idle_connections": figures.retries,
        "failovers_to_the_other_balancer": figures.failovers,
        "errors": figures.errors,
        "load": dict(evidence.load_facts),
        "samples": len(evidence.samples),
        "longest_time_unsampled_seconds": round(blind, 2),
        **evidence.facts,
    }


def _of_service(evidence: Evidence, service: Service, wrong: Sequence[Record]) -> dict[str, Any]:
    own = [record for record in evidence.records if record.service == service.name]
    figures = Figures.of(own)
    return {
        "requests_total": figures.requests,
        "requests_failed": figures.failed,
        "requests_wrong_version": sum(record.service == service.name for record in wrong),
        "answers_by_version": figures.versions.get(service.name, {}),
        "latency_ms": {"p50": figures.p50_ms, "p99": figures.p99_ms, "max": figures.max_ms},
        "online_members_min": online_min(evidence.samples, service.name),
        "floor": service.floor,
        "members": len(service.members),
    }


def _of_step(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"name": step.name, "seconds": round(step.seconds, 1), "ok": step.ok}
    return {**told, "detail": step.detail} if step.detail else told


def problems(report: Mapping[str, Any], least_requests: int = 20_000, least_rate: float = 200.0) -> list[str]:
    """What is off in a report, each in one line; none when the demo has shown what it promises."""
    found = [f"{step['name']}: {step.get('detail') or 'failed'}" for step in report["steps"] if not step["ok"]]
    if report["requests_failed"]:
        found.append(f"{report['requests_failed']} requests failed: {_counted(report.get('errors', {}))}")
    if report["requests_wrong_version"]:
        found.append(f"{report['requests_wrong_version']} answers by a version that had not passed its gates")
    if report["requests_total"] < least_requests:
        found.append(f"{report['requests_total']} requests are fewer than {least_requests}")
    if report["requests_per_second"] < least_rate:
        found.append(f"{report['requests_per_second']} requests/s are fewer than {least_rate:g}")
    for name, seen in report["services"].items():
        if seen["online_members_min"] < seen["floor"]:
            found.append(f"{name}: {seen['online_members_min']} members online, the floor is {seen['floor']}")
    if (blind := report["longest_time_unsampled_seconds"]) > LONGEST_BLINDNESS_SECONDS:
        found.append(f"for {blind} s nobody saw how many members a balancer had online")
    return found


def _counted(errors: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {error}" for error, count in errors.items())
