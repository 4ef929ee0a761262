# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load is asked to do, what it notes of every request, and what the notes add up to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


class LoadError(Exception):
    """The load can't run: its configuration is wrong or its process ended by itself."""


@dataclass(frozen=True)
class Target:
    """One request that customers of a service make, and where its answer names the version that gave it.

    ``version`` has one key: ``header`` (a header's name), ``json`` (a dotted path into the body) or ``pattern`` (a
    regular expression with one group).
    """

    service: str
    host_header: str
    path: str
    version: Mapping[str, str]
    weight: int = 1

    def __post_init__(self) -> None:
        if len(self.version) != 1 or not set(self.version) <= {"header", "json", "pattern"}:
            raise LoadError(f"{self.service}: version is one of header, json, pattern, not {dict(self.version)}")
        if self.weight < 1:
            raise LoadError(f"{self.service}: weight is at least 1, not {self.weight}")

    def read_version(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The version that an answer names; None where it names none."""
        ((kind, where),) = self.version.items()
        if kind == "header":
            return headers.get(where) or None
        if kind == "pattern":
            found = re.search(where, body.decode(errors="replace"))
            return found.group(1) if found else None
        try:
            value = json.loads(body)
            for key in where.split("."):
                value = value[key]
        except (ValueError, KeyError, TypeError):
            return None
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True)
class Config:
    """A load: always bounded by ``seconds``, and by ``requests`` where that is not 0."""

    balancers: Mapping[str, str]  # name: base URL
    targets: tuple[Target, ...]
    rate: float = 300.0
    seconds: float = 900.0
    requests: int = 0
    timeout_seconds: float = 10.0
    connect_seconds: float = 3.0
    max_in_flight: int = 1500

    def __post_init__(self) -> None:
        if not self.balancers or not self.targets:
            raise LoadError("a load needs at least one balancer and one target")
        if not 0 < self.rate <= 5000 or not 0 < self.seconds <= 24 * 3600:
            raise LoadError(f"rate (to 5000/s) or seconds (to a day) out of bounds: {self.rate}, {self.seconds}")

    @classmethod
    def from_json(cls, text: str) -> Config:
        given = json.loads(text)
        try:
            given["targets"] = tuple(Target(**target) for target in given["targets"])
            return cls(**given)
        except (KeyError, TypeError) as error:
            raise LoadError(f"load configuration: {error}") from error

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class Record:
    """One request. ``t`` is when it was due (epoch seconds); ``ms`` runs from there, so the load's own lateness counts.
    ``sent`` is when it was really sent, the last time that it was: not before it was due, and 0 where it never was.

    ``failover``: the first balancer took no connection, the other one was asked; nothing had been sent before.
    ``retried``: the balancer closed an idle connection that was being used again, before its answer; RFC 9110 (9.2.2)
    lets every client send a GET again then, on a new connection, once.
    """

    t: float
    service: str
    balancer: str
    status: int
    version: str | None
    ms: float
    error: str | None = None
    failover: bool = False
    retried: bool = False
    sent: float = 0.0

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def answered_at(self) -> float:
        return self.t + self.ms / 1000

    def to_json(self) -> str:
        return json.dumps(
            {key: value for key, value in asdict(self).items() if value is not None and value is not False}
        )

    @classmethod
    def from_json(cls, line: str) -> Record:
        return cls(**{"version": None, **json.loads(line)})


def read_records(path: Path) -> list[Record]:
    """All whole lines of a load's file; a last line without its end is one that is still being written."""
    return list(parse_records(path.read_text(encoding="utf-8"))) if path.exists() else []


def parse_records(text: str) -> Iterator[Record]:
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield Record.from_json(line)


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True)
class Figures:
    """What a load adds up to."""

    requests: int
    failed: int
    failovers: int
    retries: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    versions: dict[str, dict[str, int]]  # service: version: answers
    errors: dict[str, int]
    facts: dict[str, float] = field(default_factory=dict)  # of the load's own process

    @classmethod
    def of(cls, records: list[Record], facts: Mapping[str, float] | None = None) -> Figures:
        latencies = [record.ms for record in records if not record.failed]
        span = max((r.t for r in records), default=0.0) - min((r.t for r in records), default=0.0)
        versions: dict[str, Counter[str]] = {}
        for record in records:
            if record.version is not None and not record.failed:
                versions.setdefault(record.service, Counter())[record.version] += 1
        return cls(
            requests=len(records),
            failed=sum(record.failed for record in records),
            failovers=sum(record.failover for record in records),
            retries=sum(record.retried for record in records),
            rate=round((len(records) - 1) / span, 1) if span else 0.0,
            p50_ms=round(percentile(latencies, 0.50), 1),
            p99_ms=round(percentile(latencies, 0.99), 1),
            max_ms=round(max(latencies, default=0.0), 1),
            versions={service: dict(sorted(counted.items())) for service, counted in sorted(versions.items())},
            errors=dict(Counter(record.error for record in records if record.error).most_common(10)),
            facts=dict(facts or {}),
        )
