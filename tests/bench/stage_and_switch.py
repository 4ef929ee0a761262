# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long it takes to stage a release on many hosts and switch to it, and to go back; beside what people use today.

    python -m tests.bench.stage_and_switch [--hosts 20 100 350] [--runs 3] [--stock-runs 1] [--keep]

Four sides in turn, on the same hosts: a play written by hand with stock modules, ours, pyinfra, and Fabric. All do 20
hosts at a time, each time as a whole process with connections of its own to open; both plays run with the checkout's
ansible.cfg. The processor's seconds are those of the controller's processes alone. Prints a table, draws it, and
writes build/bench/stage_and_switch.json. Ends with status 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, PLAYS, artifact, lab, play, store
from tests.bench.machine import machine, shown
from tests.bench.picture import draw
from tests.bench.processor import Taken
from tests.bench.sides import BYTES, FILES, SIDES, Fleet, do, has

STEPS = {"rollout": "stage and switch", "rollback": "rollback"}
# Step, unit, against whom, and the most that ours may be of it.
LIMITS = (
    ("rollout", "clock", "pyinfra", 1.0),
    ("rollout", "clock", "stock", 0.25),
    ("rollback", "clock", "pyinfra", 1.0),
    ("rollback", "clock", "stock", 0.2),
    ("rollout", "processor", "stock", 0.2),
)
UNITS = {"clock": "seconds", "processor": "the controller's processor seconds for each host"}

# What every run took: by step and side.
Runs = dict[str, dict[str, list[Taken]]]


def measure(size: int, runs: dict[str, int], given: dict[str, Any]) -> Runs:
    """Every run on so many hosts."""
    fleet = Fleet.of(size)
    started = int(time.time())  # hosts that were kept have other versions, and the first one
    versions = ["first", *(f"{started}.{number}" for number in range(max(runs.values())))]
    play(PLAYS / "prepare.yml", {"versions": versions}, inventory=fleet.inventory)
    for side in SIDES:  # the release to go back to; not counted
        if not has(side, versions[0], fleet):
            do(side, "rollout", fleet, {**given, "version": versions[0]})
    took: Runs = {step: {side: [] for side in SIDES} for step in STEPS}
    for number in range(1, max(runs.values()) + 1):
        for step, version in (("rollout", versions[number]), ("rollback", versions[0])):
            for side in [side for side in SIDES if number <= runs[side]]:
                took[step][side].append(do(side, step, fleet, {**given, "version": version}))
                seconds = took[step][side][-1].clock
                print(f"{size} hosts, {step} {number} of {runs[side]}, {side}: {seconds:.2f} s", flush=True)
    return took


def medians(size: int, took: Runs) -> dict[str, Any]:
    """By step, unit and side."""
    return {
        step: {
            "clock": {side: statistics.median(run.clock for run in runs) for side, runs in sides.items()},
            "processor": {
                side: statistics.median(run.processor / size for run in runs) for side, runs in sides.items()
            },
        }
        for step, sides in took.items()
    }


def judge(median: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """What ours is of what it is held against, beside the limit."""
    rows = []
    for size, steps in median.items():
        for step, unit, side, limit in LIMITS:
            figures = steps[step][unit]
            what = f"{STEPS[step]}, {'processor' if unit == 'processor' else 'time'} of {SIDES[side]}'s, {size} hosts"
            rows.append(_row(what, figures["ours"] / figures[side], limit))
    least, most = min(median), max(median)
    if most > least:
        of_most, of_least = (median[size]["rollout"]["clock"]["ours"] for size in (most, least))
        what = f"{STEPS['rollout']}, time of {least} hosts', {most} hosts"
        rows.append(_row(what, of_most / of_least, most / least))
    return rows


def _row(what: str, share: float, limit: float) -> dict[str, Any]:
    return {"what": what, "share": round(share, 2), "limit": round(limit, 2), "ok": share <= limit}


def show(report: dict[str, Any]) -> None:
    facts = report["machine"]
    print(f"\n{FILES} files of {BYTES // 1000} kB together, medians of {report['runs']} runs")
    print(shown(facts))
    if facts["load_before"] > facts["cpus"]:
        print("others use this machine too: take the ratios for what they are")
    for unit, words in UNITS.items():
        print(f"\n{words:50}" + "".join(f"{name:>14}" for name in SIDES.values()))
        for size, steps in report["medians"].items():
            for step, name in STEPS.items():
                figures = "".join(f"{steps[step][unit][side]:>14.3g}" for side in SIDES)
                print(f"{f'{size} hosts, {name}':50}{figures}")
    print(f"\n{'ours, as a share of':62}{'share':>8}{'limit':>8}")
    for row in report["results"]:
        print(f"{row['what']:62}{row['share']:>8.2f}{row['limit']:>8.2f}  {'ok' if row['ok'] else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Stage, switch and go back, beside what people use today")
    parser.add_argument("--hosts", type=int, nargs="+", default=[20], metavar="N")
    parser.add_argument("--runs", type=int, default=3, help="with 0, hosts are only made ready, to be kept")
    parser.add_argument("--stock-runs", type=int, help="of the play written by hand, which takes longest")
    parser.add_argument("--keep", action="store_true", help="leave the hosts for the next run")
    given = parser.parse_args()
    runs = {**dict.fromkeys(SIDES, given.runs), "stock": min(given.stock_runs or given.runs, given.runs)}
    facts = {**machine(), "pyinfra": installed("pyinfra"), "fabric": installed("fabric")}
    with lab(max(given.hosts), given.keep) as address, tempfile.TemporaryDirectory() as folder:
        _path, sha256 = artifact(Path(folder), FILES, BYTES)
        with store(address, Path(folder)) as url:
            told = {"url": f"{url}/artifact.tar.gz", "sha256": sha256}
            took = {size: measure(size, runs, told) for size in sorted(given.hosts)}
    if not given.runs:
        return 0
    median = {size: medians(size, of_size) for size, of_size in took.items()}
    report = {"runs": runs, "machine": facts, "medians": median, "results": judge(median), "seconds": took}
    (BUILD / "stage_and_switch.json").write_text(json.dumps(report, indent=2) + "\n")
    draw(median, facts, BUILD / "stage_and_switch.svg", BUILD / "stage_and_switch.png")
    show(report)
    return 0 if all(row["ok"] for row in report["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
