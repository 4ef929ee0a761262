# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run that never was: what the load, the samples and the journals would say of one, for tests and for the eye."""

from __future__ import annotations

import functools

from demo.lab import Service
from demo.records import Record
from demo.report import Admission, Evidence, Step
from demo.sampler import Sample

BEGAN = 1_800_000_000.0
MEMBERS = tuple(f"web{number}" for number in range(1, 7))
_HEALTH = {"path": "/", "version_header": "X-Release"}


def _service(name: str, versions: list[str]) -> Service:
    contract = {
        "artifact": {"versions": versions},
        "health": _HEALTH,
        "pool": {"domain": f"{name}.test", "floor": "50%"},
    }
    return Service(name, contract, MEMBERS)


SERVICES = {"datasette": _service("datasette", ["0.64.8", "0.65.5"]),
            "swagger_ui": _service("swagger_ui", ["0.0.9", "1.1.0"])}  # fmt: skip
# service, version that goes, version that comes, when the first member changes, seconds per member, members changed
CHANGES = [("datasette", "0.64.8", "0.65.5", 6.0, 4.5, 6), ("swagger_ui", "0.0.9", "1.1.0", 6.5, 3.2, 6),
           ("datasette", "0.65.5", None, 44.0, 9.0, 1), ("datasette", "0.65.5", "0.64.8", 66.0, 3.0, 6)]  # fmt: skip


def _history(service: str) -> tuple[list[tuple[float, str, str]], list[tuple[float, float, str]]]:
    """Admissions (at, member, version) and absences (from, to, member) of a service."""
    first = SERVICES[service].versions[0]
    admissions, out = [(-50.0, member, first) for member in MEMBERS], []
    for name, old, new, begin, each, count in CHANGES:
        for number in range(count if name == service else 0):
            left = begin + number * each
            out.append((left, left + each * 0.8, MEMBERS[number]))
            admissions.append((left + each * 0.8, MEMBERS[number], new or old))
    return admissions, out


@functools.lru_cache
def run(seconds: float = 100.0, rate: int = 220) -> Evidence:
    """A whole run in which nothing went wrong."""
    records, samples, admissions = [], [], []
    history = {service: _history(service) for service in SERVICES}
    for service, (admitted, _) in history.items():
        admissions += [Admission(BEGAN + at, lb, service, m, v) for at, m, v in admitted for lb in ("lb1", "lb2")]
    for number in range(int(seconds * rate)):
        after = number / rate
        service = "swagger_ui" if number % 3 == 2 else "datasette"
        admitted, out = history[service]
        online = [m for m in MEMBERS if not any(a <= after < b for a, b, who in out if who == m)]
        member = online[number % len(online)]
        version = [v for at, who, v in admitted if who == member and at <= after][-1]
        records.append(Record(BEGAN + after, service, f"lb{number % 2 + 1}", 200, version, 3.0 + number % 7))
    for number in range(int(seconds * 5)):
        after = number / 5
        for service, (_, out) in history.items():
            members = {m: "MAINT" if any(a <= after < b for a, b, who in out if who == m) else "UP" for m in MEMBERS}
            count = list(members.values()).count("UP")
            samples += [Sample(BEGAN + after, lb, service, count, 6, members) for lb in ("lb1", "lb2")]
    steps = [
        Step("lab", BEGAN - 200, 60, ok=True),
        Step("one", BEGAN + 4, 30, ok=True, label="datasette to 0.65.5"),
        Step("two", BEGAN + 4, 23, ok=True, label="swagger_ui to 1.1.0"),
        Step("three", BEGAN + 40, 15, ok=True, label="datasette to 0.65.5+broken, turns back"),
        Step("four", BEGAN + 63, 23, ok=True, label="datasette rolled back"),
    ]
    return Evidence(SERVICES, records, admissions, samples, steps, {"cpu_share": 0.12})
