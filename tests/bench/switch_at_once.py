# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far apart hosts switch that are told a moment, as in an atomic rollout, and how long the whole command takes.

    python -m tests.bench.switch_at_once [--hosts 350] [--runs 3] [--forks 20] [--keep]

The release is staged already. When a host switched is read from its link, by the clock that all hosts of this machine
share: a web server that reads the link for each request serves the new release from then on. A host that was told too
late switched at once, and shows in the spread. Writes build/bench/switch_at_once.json. Ends with status 1 where a
limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.lab import BUILD, PLAYS, artifact, inside, lab, play, store
from tests.bench.machine import machine, shown
from tests.bench.sides import BYTES, FILES

SPREAD_LIMIT, COMMAND_LIMIT = 1.0, 20.0


def moments() -> list[float]:
    """When each host's link was switched, in seconds since 1970."""
    links = inside("/srv/slots/current").values()
    return [os.lstat(link).st_ctime for link in links if os.path.lexists(link)]


def measure(hosts: int, runs: int, versions: list[str], environment: dict[str, str]) -> list[dict[str, float]]:
    """For each run how far apart the hosts switched, and what the whole command took, in seconds."""
    rows = []
    for number in range(1, runs + 1):
        seconds = play(PLAYS / "switch_at_once.yml", {"version": versions[number % 2]}, environment)
        seen = moments()
        if len(seen) != hosts:
            raise SystemExit(f"{len(seen)} of {hosts} hosts have the link")
        rows.append({"spread": max(seen) - min(seen), "command": seconds})
        print(f"run {number} of {runs}: {rows[-1]['spread']:.3f} s apart, {seconds:.1f} s in all", flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="How far apart hosts switch that are told a moment")
    parser.add_argument("--hosts", type=int, default=350)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--forks", type=int, default=20)
    parser.add_argument("--keep", action="store_true", help="leave the hosts for the next run")
    told = parser.parse_args()
    facts = machine()
    environment = {"ANSIBLE_FORKS": str(told.forks)}
    versions = [f"{int(time.time())}.{number}" for number in (1, 2)]  # hosts that were kept have others
    with lab(told.hosts, told.keep) as address, tempfile.TemporaryDirectory() as folder:
        _path, sha256 = artifact(Path(folder), FILES, BYTES)
        with store(address, Path(folder)) as url:
            given = {"url": f"{url}/artifact.tar.gz", "sha256": sha256, "versions": versions}
            play(PLAYS / "stage_slots.yml", given, environment)
        rows = measure(told.hosts, told.runs, versions, environment)
    medians = {name: statistics.median(row[name] for row in rows) for name in ("spread", "command")}
    limits = {"spread": SPREAD_LIMIT, "command": COMMAND_LIMIT}
    ok = all(medians[name] <= limit for name, limit in limits.items())
    report = {"machine": facts, **vars(told), "runs": rows, "medians": medians, "limits": limits, "ok": ok}
    (BUILD / "switch_at_once.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{told.hosts} hosts, {told.forks} forks, median of {told.runs} runs")
    print(shown(facts))
    for name, words in (("spread", "first to last switch"), ("command", "the whole command")):
        said = "ok" if medians[name] <= limits[name] else "MISSED"
        print(f"{words:22}{medians[name]:>8.2f} s  limit {limits[name]:>5.1f} s  {said}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
