# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long ten Windows members take to stage a release at once, beside one alone; and each member's round trips.

    python -m tests.bench.windows [--hosts 10] [--runs 3]

The hosts are emulated ones (tests/winlab) in one process of their own, reached by the real PSRP client over HTTPS; what
they do costs this machine's processors, as Windows hosts would not. Writes build/bench/windows.json. Ends with status 1
where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, CHECKOUT, PLAYBOOK, PLAYS, store, zipped
from tests.bench.stage_and_switch import machine

# About what a .NET service has.
FILES, BYTES = 100, 2_000_000
# Of one member's time for all of them at once; modules of a member's rollout that removes a pruned release.
TOGETHER_LIMIT, TRIPS_LIMIT = 2.0, 12
# Not 127.0.0.1, which is each host's own.
STORE = "127.0.77.250"
STATES = ("info", "staged", "active", "good")


@contextmanager
def members(count: int, folder: Path) -> Iterator[Path]:
    """Emulated hosts in a process of their own; yields their inventory."""
    inventory = folder / "hosts.yml"
    command = [sys.executable, "-m", "tests.winlab", "--hosts", str(count), "--own-addresses"]
    command += ["--scheme", "https", "--inventory", str(inventory), "--folder", str(folder / "hosts")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if "winlab:" not in process.stdout.readline():
                raise SystemExit("the emulated hosts did not come up")
            yield inventory
        finally:
            process.terminate()


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


def stage(inventory: Path, runs: int, given: dict[str, Any]) -> dict[str, list[float]]:
    """Seconds of one member alone and of all, in turn; the first run of each, which makes folders, isn't counted."""
    seconds: dict[str, list[float]] = {"alone": [], "together": []}
    for number in range(runs + 1):
        for name, hosts in (("alone", "win1"), ("together", "windows")):
            took = play(inventory, hosts, **given, version=f"{number}.{name}", states=["staged"])
            if number:
                seconds[name].append(took)
                print(f"staged {name} {number} of {runs}: {took:.2f} s", flush=True)
    return seconds


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


def main() -> int:
    parser = argparse.ArgumentParser(description="Windows members at once, beside one alone")
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    told = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _path, sha256 = zipped(folder, FILES, BYTES)
        with members(told.hosts, folder) as inventory, store(STORE, folder) as url:
            given = {"url": f"{url}/artifact.zip", "sha256": sha256}
            seconds = stage(inventory, told.runs, given)
            trips = round_trips(inventory, folder, given)
    medians = {name: round(statistics.median(times), 2) for name, times in seconds.items()}
    ratio = round(medians["together"] / medians["alone"], 2)
    total = sum(modules.total() for modules in trips.values())
    if not trips["staged"]["win_file"]:
        raise SystemExit(f"no pruned release was removed, so this is not the longest rollout: {trips}")
    ok = ratio <= TOGETHER_LIMIT and total <= TRIPS_LIMIT
    report = {"machine": facts, "hosts": told.hosts, "seconds": seconds, "ratio": ratio, "round_trips": trips, "ok": ok}
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "windows.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{FILES} files of {BYTES // 1000} kB together, median of {told.runs} runs")
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"one member {medians['alone']:.2f} s, {told.hosts} at once {medians['together']:.2f} s: {ratio:.2f}")
    print(f"  limit {TOGETHER_LIMIT:.2f}  {'ok' if ratio <= TOGETHER_LIMIT else 'MISSED'}")
    print("a member's rollout that removes a pruned release; modules, each a round trip:")
    for state, modules in trips.items():
        print(f"  {state:8}{modules.total():>3}  {', '.join(modules)}")
    print(f"  {'all':8}{total:>3}  limit {TRIPS_LIMIT}  {'ok' if total <= TRIPS_LIMIT else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
