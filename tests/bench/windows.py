# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long ten Windows members take to stage a release at once, beside one alone; and each member's round trips.

    python -m tests.bench.windows [--hosts 10] [--runs 3] [--module-seconds 0.5]

The hosts are emulated ones (tests/winlab) in one process of their own, reached by the real PSRP client over HTTPS.
Measured twice: where a module takes its time, as on Windows, which is what ten hosts can do beside each other;
and where hosts answer at once, so that nothing but this machine's processors is measured: they do the
controller's work and the emulated hosts' too. Writes build/bench/windows.json. Ends with status 1 where a limit is
missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, CHECKOUT, PLAYBOOK, PLAYS, store, zipped
from tests.bench.machine import machine, shown

# About what a .NET service has.
FILES, BYTES = 100, 2_000_000
# Of one member's time for all of them at once; modules of a member's rollout that removes a pruned release.
TOGETHER_LIMIT, TRIPS_LIMIT = 2.0, 12
# Not 127.0.0.1, which is each host's own.
STORE = "127.0.77.250"
STATES = ("info", "staged", "active", "good")


@contextmanager
def members(count: int, folder: Path) -> Iterator[tuple[Path, str]]:
    """Emulated hosts in a process of their own; yields their inventory and where they are told what to do."""
    inventory = folder / "hosts.yml"
    command = [sys.executable, "-m", "tests.winlab", "--hosts", str(count), "--own-addresses"]
    command += ["--scheme", "https", "--inventory", str(inventory), "--folder", str(folder / "hosts")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if "winlab:" not in said:
                raise SystemExit("the emulated hosts did not come up")
            yield inventory, said.split()[-1]
        finally:
            process.terminate()


def take_their_time(control: str, hosts: int, seconds: float) -> None:
    """Each module takes so long from now on."""
    for number in range(1, hosts + 1):
        told = json.dumps({"slow": {"*": seconds}}).encode()
        urllib.request.urlopen(f"{control}win{number}/hazards", data=told, timeout=10).close()  # noqa: S310  # http


def play(inventory: Path, hosts: str, **variables: Any) -> float:
    """Seconds of the whole process."""
    command = [str(PLAYBOOK), "-i", str(inventory), str(PLAYS / "windows.yml"), "-l", hosts]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "-e", json.dumps(variables)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return time.monotonic() - began


def stage(inventory: Path, runs: int, given: dict[str, Any], of: str) -> dict[str, list[float]]:
    """Seconds of one member alone and of all, in turn; the first run of each, which makes folders, isn't counted."""
    seconds: dict[str, list[float]] = {"alone": [], "together": []}
    for number in range(runs + 1):
        for name, hosts in (("alone", "win1"), ("together", "windows")):
            took = play(inventory, hosts, **given, version=f"{number}.{of}.{name}", states=["staged"])
            if number:
                seconds[name].append(took)
                print(f"{of}: staged {name} {number} of {runs}: {took:.2f} s", flush=True)
    return seconds


def ratio(seconds: dict[str, list[float]]) -> float:
    return round(statistics.median(seconds["together"]) / statistics.median(seconds["alone"]), 2)


def round_trips(inventory: Path, folder: Path, given: dict[str, Any]) -> dict[str, Counter[str]]:
    """The modules that reach a member in a rollout that prunes a release, by the state that they were for."""
    for number in range(3):
        play(inventory, "win1", **given, version=f"9.{number}", states=STATES)
    seen: dict[str, Counter[str]] = {}
    log = folder / "hosts" / "win1.log.jsonl"
    for state in STATES:
        before = len(log.read_text().splitlines())
        play(inventory, "win1", **given, version="9.9", states=[state])
        lines = [json.loads(line) for line in log.read_text().splitlines()[before:]]
        seen[state] = Counter(line["name"].rpartition(".")[2] for line in lines)
    return seen


def beside(hosts: int, seconds: dict[str, list[float]]) -> str:
    alone, together = (statistics.median(seconds[name]) for name in ("alone", "together"))
    return f"one member {alone:.2f} s, {hosts} at once {together:.2f} s: {ratio(seconds)}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Windows members at once, beside one alone")
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--module-seconds", type=float, default=0.5, help="what a module takes on a host")
    told = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _path, sha256 = zipped(folder, FILES, BYTES)
        with members(told.hosts, folder) as (inventory, control), store(STORE, folder) as url:
            given = {"url": f"{url}/artifact.zip", "sha256": sha256}
            at_once = stage(inventory, told.runs, given, "at_once")
            trips = round_trips(inventory, folder, given)
            take_their_time(control, told.hosts, told.module_seconds)
            in_time = stage(inventory, told.runs, given, "in_time")
    total = sum(modules.total() for modules in trips.values())
    if not trips["staged"]["win_file"]:
        raise SystemExit(f"no pruned release was removed, so this is not the longest rollout: {trips}")
    ok = max(ratio(in_time), ratio(at_once)) <= TOGETHER_LIMIT and total <= TRIPS_LIMIT
    seconds = {"at_once": at_once, "in_time": in_time}
    report = {"machine": facts, **vars(told), "seconds": seconds, "round_trips": trips, "ok": ok}
    report["ratios"] = {name: ratio(times) for name, times in seconds.items()}
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "windows.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{FILES} files of {BYTES // 1000} kB together, median of {told.runs} runs")
    print(shown(facts))
    print(f"hosts that take {told.module_seconds} s a module: {beside(told.hosts, in_time)}")
    print(f"  limit {TOGETHER_LIMIT:.2f}  {'ok' if ratio(in_time) <= TOGETHER_LIMIT else 'MISSED'}")
    print(f"hosts that answer at once, by this machine's processors: {beside(told.hosts, at_once)}")
    print(f"  limit {TOGETHER_LIMIT:.2f}  {'ok' if ratio(at_once) <= TOGETHER_LIMIT else 'MISSED'}")
    print("a member's rollout that removes a pruned release; modules, each a round trip:")
    for state, modules in trips.items():
        print(f"  {state:8}{modules.total():>3}  {', '.join(modules)}")
    print(f"  {'all':8}{total:>3}  limit {TRIPS_LIMIT}  {'ok' if total <= TRIPS_LIMIT else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
