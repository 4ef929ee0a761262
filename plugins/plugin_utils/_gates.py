# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gates of one member: health on every way to it, then each test command, then health once more."""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._gate import command
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import Collected, LimitError, collect
from ansible_collections.golden.fleet.plugins.plugin_utils import _gates_health as health
from ansible_collections.golden.fleet.plugins.plugin_utils import _gates_results as results
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_health import Target

_SHOWN = 10
Outcome = dict[str, Any]
# How a command ended, and the files with its results.
Brought = tuple[command.Ran, Collected]
# Runs a gate's command on the member, with the values of its placeholders.
OnMember = Callable[[Mapping[str, Any], Mapping[str, str]], Brought]


def runs_on_member(gate: Mapping[str, Any]) -> bool:
    return gate.get("runs_on") == "member"


def run(
    contract: Mapping[str, Any],
    member: str,
    version: str,
    targets: Sequence[Target],
    on_member: OnMember | None = None,
) -> Iterator[Outcome]:
    """The outcome of each gate as it ends. The first one that isn't passed is the last one.

    ``on_member`` runs the commands that run on the member, and raises HostError where that comes to nothing.
    """
    checks: list[tuple[str, Callable[[], Outcome]]] = [
        ("health", lambda: _health(contract, version, targets)),
        *(
            (gate["name"], lambda gate=gate: _suite(gate, contract, member, version, targets, on_member))
            for gate in contract["gates"]
        ),
    ]
    if contract["gates"]:
        checks.append(("health afterwards", checks[0][1]))
    for name, check in checks:
        started = time.monotonic()
        outcome = {"name": name, **check(), "seconds": round(time.monotonic() - started, 2)}
        yield outcome
        if not outcome["passed"]:
            return


def _outcome(detail: str, passed: bool = False, tests: int = 0, failures: Sequence[results.Failure] = ()) -> Outcome:
    shown = [{"name": failure.name, "message": failure.message} for failure in failures]
    return {"passed": passed, "tests": tests, "failures": shown, "detail": detail}


def _health(contract: Mapping[str, Any], version: str, targets: Sequence[Target]) -> Outcome:
    try:
        health.wait(targets, contract["health"], version)
    except health.UnhealthyError as error:
        return _outcome(str(error))
    return _outcome(f"version {version} is healthy", passed=True)


def _suite(
    gate: Mapping[str, Any],
    contract: Mapping[str, Any],
    member: str,
    version: str,
    targets: Sequence[Target],
    on_member: OnMember | None,
) -> Outcome:
    """One test command, through the first way on which the member answers right now."""
    seen = []
    for target in targets:
        wrong = health.attempt(target, contract["health"], version)
        if wrong is None:
            return _command(gate, contract, target, {"member": member, "version": version}, on_member)
        seen.append(f"{target.name}: {wrong}")
    return _outcome(f"not begun, as the member is no longer healthy: {'; '.join(seen)}")


def _command(
    gate: Mapping[str, Any],
    contract: Mapping[str, Any],
    target: Target,
    values: Mapping[str, str],
    on_member: OnMember | None,
) -> Outcome:
    try:
        if not runs_on_member(gate):
            ran, found = _on_controller(gate, pathlib.Path(contract["folder"]), {"url": target.url, **values})
        elif on_member is not None:
            ran, found = on_member(gate, {"url": f"http://127.0.0.1:{contract['listen']['port']}", **values})
        else:
            return _outcome("not begun: it runs on the member, and no way to run anything there is known")
    except (command.CommandError, LimitError) as error:
        return _outcome(str(error))
    if ran.status is None:
        return _outcome(f"stopped at its time limit of {gate['timeout_seconds']} s{_said(ran.tail)}")
    try:
        return judge(results.read_all(found, gate["results"], gate["format"]), ran)
    except results.ResultsError as error:
        return _outcome(f"the command ended with {_status(ran.status)}, and {error}{_said(ran.tail)}")


def _on_controller(gate: Mapping[str, Any], folder: pathlib.Path, values: Mapping[str, str]) -> Brought:
    with tempfile.TemporaryDirectory(prefix="golden-fleet-gate-", ignore_cleanup_errors=True) as place:
        given = {**values, "results": place}
        argv = command.filled_in(gate["command"], {**given, "python": sys.executable})
        ran = command.run(argv, folder, command.environment(os.environ, given), gate["timeout_seconds"])
        return ran, Collected([], []) if ran.status is None else collect(place, gate["results"])


def judge(found: results.Results, ran: command.Ran) -> Outcome:
    """Whether the results of a command that ended let the member pass."""
    counts = f"{found.tests} tests ran, {len(found.failures)} failed, {found.skipped} were skipped"
    if found.failures:
        return _outcome(counts, tests=found.tests, failures=found.failures)
    if found.tests == 0:
        return _outcome(f"no test ran ({found.skipped} were skipped){_said(ran.tail)}")
    if ran.status:
        detail = f"{counts}, but the command ended with {_status(ran.status)}{_said(ran.tail)}"
        return _outcome(detail, tests=found.tests)
    return _outcome(counts, passed=True, tests=found.tests)


def message(member: str, outcomes: Sequence[Outcome]) -> str:
    """One line when all passed; else what the member failed, with the first of its failures."""
    last = outcomes[-1]
    if last["passed"]:
        passed = ", ".join(f"{outcome['name']} ({_brief(outcome)})" for outcome in outcomes)
        return f"{member} passed {passed}"
    failures = last["failures"]
    lines = [f"{member} failed the gate {last['name']}: {last['detail']}"]
    lines += [f"- {failure['name']}: {failure['message']}" for failure in failures[:_SHOWN]]
    if len(failures) > _SHOWN:
        lines.append(f"- and {len(failures) - _SHOWN} more")
    return "\n".join(lines)


def _brief(outcome: Outcome) -> str:
    tests = f"{outcome['tests']} tests, " if outcome["tests"] else ""
    return f"{tests}{outcome['seconds']:g} s"


def _status(status: int) -> str:
    return f"status {status}" if status >= 0 else f"signal {-status}"


def _said(tail: str) -> str:
    return f"; it said last:\n{tail}" if tail else "; it said nothing"
