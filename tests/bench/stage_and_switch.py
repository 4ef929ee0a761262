# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long it takes to stage a release on twenty hosts and switch to it, and to go back; beside stock modules.

    python -m tests.bench.stage_and_switch [--hosts 20] [--runs 3] [--keep]

Both sides run in turn, on the same hosts, with the checkout's ansible.cfg (20 forks, pipelining, no facts), each time
as a whole process with connections of its own to open. Prints a table and writes build/bench/stage_and_switch.json.
Ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, PLAYS, artifact, lab, play, store

FILES, BYTES = 400, 2_000_000
STEPS = {"rollout": (0.5, 0.25, "stage and switch"), "rollback": (1.0, 0.5, "rollback")}
SIDES = ("stock", "ours")


def measure(runs: int, url: str, sha256: str) -> dict[str, dict[str, list[float]]]:
    """Seconds of every run by step and side."""
    started = int(time.time())  # hosts that were kept have other versions
    versions = [f"{started}.{number}" for number in range(runs + 1)]
    play(PLAYS / "prepare.yml", {"versions": versions})
    given = {"url": url, "sha256": sha256, "files": FILES}
    seconds: dict[str, dict[str, list[float]]] = {step: {side: [] for side in SIDES} for step in STEPS}
    for side in SIDES:  # the release to go back to; not counted
        play(PLAYS / f"{side}_rollout.yml", {**given, "version": versions[0]})
    for number in range(1, runs + 1):
        for step, version in (("rollout", versions[number]), ("rollback", versions[0])):
            for side in SIDES:
                seconds[step][side].append(_cold(PLAYS / f"{side}_{step}.yml", {**given, "version": version}))
                print(f"{step} {number} of {runs}, {side}: {seconds[step][side][-1]:.2f} s", flush=True)
                play(PLAYS / "verify.yml", {**given, "version": version, "side": side})
    return seconds


def _cold(playbook: Path, variables: dict[str, Any]) -> float:
    """One run that finds no connection open from an earlier one."""
    with tempfile.TemporaryDirectory(prefix="cp") as folder:
        return play(playbook, variables, {"ANSIBLE_SSH_CONTROL_PATH_DIR": folder})


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpus": os.cpu_count(),
        "model": (model or ["unknown"])[0],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "ansible_core": installed("ansible-core"),
    }


def summary(seconds: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    rows = []
    for step, (limit, aim, name) in STEPS.items():
        stock, ours = (statistics.median(seconds[step][side]) for side in SIDES)
        ratio = round(ours / stock, 3)
        row = {"step": name, "stock_seconds": round(stock, 2), "ours_seconds": round(ours, 2), "ratio": ratio}
        rows.append({**row, "limit": limit, "aim": aim, "ok": ratio <= limit})
    return rows


def show(report: dict[str, Any]) -> None:
    facts = report["machine"]
    print(f"\n{report['hosts']} hosts, {FILES} files of {BYTES // 1000} kB together, median of {report['runs']} runs")
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if facts["load_before"] > facts["cpus"]:
        print("others use this machine too: take the ratios for what they are")
    print(f"\n{'':20}{'stock':>10}{'ours':>10}{'ratio':>8}{'limit':>8}{'aim':>8}")
    for row in report["results"]:
        figures = f"{row['stock_seconds']:>8.2f} s{row['ours_seconds']:>8.2f} s{row['ratio']:>8.2f}"
        print(f"{row['step']:20}{figures}{row['limit']:>8.2f}{row['aim']:>8.2f}  {'ok' if row['ok'] else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Stage, switch and go back, beside stock modules")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the hosts for the next run")
    given = parser.parse_args()
    facts = machine()
    with lab(given.hosts, given.keep) as address, tempfile.TemporaryDirectory() as folder:
        _path, sha256 = artifact(Path(folder), FILES, BYTES)
        with store(address, Path(folder)) as url:
            seconds = measure(given.runs, f"{url}/artifact.tar.gz", sha256)
    report = {
        "hosts": given.hosts,
        "runs": given.runs,
        "machine": facts,
        "results": summary(seconds),
        "seconds": seconds,
    }
    (BUILD / "stage_and_switch.json").write_text(json.dumps(report, indent=2) + "\n")
    show(report)
    return 0 if all(row["ok"] for row in report["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
