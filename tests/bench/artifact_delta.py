# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a release takes to a host that has the one before in use, as a delta and as a whole, and what travels.

    python -m tests.bench.artifact_delta [--megabytes 200] [--files 1000] [--changed 1] [--link 20] [--runs 3] [--keep]

What the host takes in is limited by tc to ``--link`` MB/s. What travels is added up from the log of the store's nginx.
Writes build/bench/artifact_delta.json. Ends with status 1 where the delta isn't faster.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.artifact_fan_out import Fleet, limit_links
from tests.bench.lab import BUILD, PLAYS, lab, play
from tests.bench.machine import machine, shown

RECIPES = Path(__file__).parent / "recipes"
WAYS = ("whole", "delta")


def measure(fleet: Fleet, manifests: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """Stages each release, as a whole and as a delta in turn."""
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number, (version, manifest) in enumerate(manifests.items()):
        way = WAYS[number % 2]
        fleet.given = {name: manifest[name] for name in ("sha256", "size", "artifact")}
        if way == "delta":
            fleet.given["index"] = manifest["index"]
        rows[way].append(fleet.stage(version, relayed=False))
        print(f"{way}: {rows[way][-1]['seconds']:.1f} s, {rows[way][-1]['bytes'] / 1e6:.1f} MB", flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="A release as a delta and as a whole")
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--changed", type=int, default=1, help="how many files are other ones in each release")
    parser.add_argument("--link", type=float, default=20, help="what the host takes in, in MB/s")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the hosts for the next run")
    told = parser.parse_args()
    facts = machine()
    versions = [f"{int(time.time())}.{number}" for number in range(2 * told.runs + 1)]
    recipe = ["{python}", "random_files.py", str(told.files), str(int(told.megabytes * 1e6)), str(told.changed)]
    contract = {"service": "bench", "folder": str(RECIPES), "artifact": {"build": recipe, "format": "tar"}}
    with lab(1, told.keep, lab_stores=1, lab_zones=["a"]), tempfile.TemporaryDirectory() as folder:
        play(PLAYS / "delta_prepare.yml", {"contract": contract, "versions": versions, "folder": folder})
        limit_links(told.link)
        files = {version: Path(folder, "bench", version, "manifest.json") for version in versions[1:]}
        rows = measure(Fleet({}), {version: json.loads(file.read_text()) for version, file in files.items()})
    medians = {way: statistics.median(row["seconds"] for row in rows[way]) for way in WAYS}
    report = {"machine": facts, **vars(told), "rows": rows, "medians": medians}
    report |= {"ratio": medians["delta"] / medians["whole"], "ok": medians["delta"] < medians["whole"]}
    (BUILD / "artifact_delta.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{told.changed} of {told.files} files changed, {told.megabytes:g} MB, a link of {told.link:g} MB/s")
    print(shown(facts))
    for way in WAYS:
        print(f"{way:8}{medians[way]:>8.1f} s{max(row['bytes'] for row in rows[way]) / 1e6:>10.2f} MB")
    print(f"time, of the whole's {report['ratio']:.2f}  limit 1.0  {'ok' if report['ok'] else 'MISSED'}")
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
