# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the demo went: report.json, the picture, and the summary that a person reads."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import report as reports
from demo.report import Evidence, Step
from demo.terminal import Terminal

LEAST_REQUESTS = 20_000
_KINDNESS = {
    "retries_on_closed_idle_connections": "sent again, as the balancer had closed an idle connection",
    "failovers_to_the_other_balancer": "sent to the other balancer, as one took no connection",
}


def conclude(evidence: Evidence | None, steps: Sequence[Step], folder: Path, terminal: Terminal) -> int:
    """Writes the report and the picture into ``folder``, says how it went; the exit code."""
    evidence = evidence or Evidence({}, [], [], [], steps)
    report = {**reports.build(evidence), "machine": _machine()}
    written = [folder / "report.json"]
    written[0].write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    terminal.line()
    if evidence.records:
        from demo import picture  # costs a second that only a measured run needs

        written += [folder / "picture.png", folder / "picture.svg"]
        picture.draw(evidence, report, *written[1:])
        for line in summary(report, terminal):
            terminal.line(line)
        terminal.line()
    terminal.line("  " + "   ".join(os.path.relpath(path) for path in written) + "\n")
    off = reports.problems(report, LEAST_REQUESTS)
    for line in off:
        terminal.line(f"  {terminal.paint('FAILED', 'bad')}  {line}")
    if not off:
        terminal.line("  " + terminal.paint("Nothing lost: the demo has shown all that it promises.", "good"))
    return 1 if off else 0


def summary(report: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """What customers got and what the balancers saw."""
    failed, wrong, latency = report["requests_failed"], report["requests_wrong_version"], report["latency_ms"]
    rows = [
        (f"{report['requests_total']:,}", f"requests, {report['requests_per_second']:g} a second", None),
        (f"{failed:,}", "failed", failed == 0),
        (f"{wrong:,}", "answered by a version that had not passed its gates", wrong == 0),
        (f"{latency['p50']:g} ms", f"half of them took at most; 99 % at most {latency['p99']:g} ms", None),
    ]
    rows += [(f"{report[key]:,}", words, None) for key, words in _KINDNESS.items() if report[key]]
    lines = ["  " + terminal.paint("What customers got", "strong")]
    lines += [f"  {_painted(f'{figure:>10}', good, terminal)}  {words}" for figure, words, good in rows]
    lines += ["", "  " + terminal.paint("What the balancers saw", "strong")]
    return lines + [line for name, seen in report["services"].items() for line in _of_service(name, seen, terminal)]


def _of_service(name: str, seen: Mapping[str, Any], terminal: Terminal) -> list[str]:
    least = _painted(f"{seen['online_members_min']:>10}", seen["online_members_min"] >= seen["floor"], terminal)
    answers = ", ".join(f"{count:,} by {version}" for version, count in seen["answers_by_version"].items())
    return [
        f"  {least}  members of {name} online at the least, of {seen['members']}; the floor is {seen['floor']}",
        terminal.paint(f"  {'':10}  answers: {answers}", "quiet"),
    ]


def _painted(text: str, good: bool | None, terminal: Terminal) -> str:
    return text if good is None else terminal.paint(text, "good" if good else "bad")


def _machine() -> dict[str, str | int | float]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count() or 0, "memory_gib": round(memory / 2**30, 1), "python": platform.python_version(),
            "system": platform.platform()}  # fmt: skip
