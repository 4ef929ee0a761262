# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How fast hosts that are kept aside take the places of the new ones again: rollbacks of the kind image, under load.

    python -m tests.bench.image_rollback [--hosts 6] [--times 5] [--rate 200] [--keep]

Raises a lab, replaces its hosts by hosts of an image of the next release, and then goes back and forth between the two.
Each time stands from the moment at which the lock is taken until the last member has left, by the balancers' journals;
and the whole command, whose start and look at the hosts come before that. Writes build/bench/image_rollback.json. Ends
with status 1 where a request failed, fewer than all were online, or the slowest time at the balancers is over 5 s.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any

from demo.lab import Lab
from tests.bench.lab import BUILD
from tests.bench.machine import machine, shown
from tests.bench.scale import SERVICE, raise_lab
from tests.bench.sliding_window import play
from tests.integration.fleet import Fleet

OLD, NEW = "0.0.9", "1.1.0"
LIMIT_SECONDS = 5.0
FILES = BUILD / "image_rollback"


def at_the_balancers(fleet: Fleet) -> float:
    """Seconds from the last lock to the last member that was kept aside under it, on the slowest balancer."""
    spans = []
    for balancer in fleet.lab.balancers:
        journal = fleet.journal(balancer.name, SERVICE)
        locked = max(line["at"] for line in journal if line["event"] == "locked")
        spans.append(max(line["at"] for line in journal if line["event"] == "kept") - locked)
    return max(spans)


def go_back(fleet: Fleet, version: str, rate: float, hosts: int) -> dict[str, Any]:
    """One rollback under load; what it took, and what customers saw."""
    with fleet.watched(SERVICE, rate=rate) as seen:
        began = time.monotonic()
        fleet.must("rollback", service=SERVICE, version=version)
        seconds = time.monotonic() - began
    return {
        "version": version,
        "seconds": round(at_the_balancers(fleet), 2),
        "command_seconds": round(seconds, 1),
        "requests": seen[0].figures.requests,
        "failed": len(seen[0].failures),
        "wrong": seen[0].wrong_version,
        "online_min": seen[0].online_min,
    }


def measure(hosts: int, times: int, rate: float, keep: bool) -> list[dict[str, Any]]:
    contract = {"rollout": "image", "scale": {"keep_previous_minutes": 600}}
    inventory, variables = raise_lab(FILES, hosts, contract)
    try:
        play("provision", inventory)
        play("artifacts", inventory, service=SERVICE)
        rolling = {f"{SERVICE}_contract": {"rollout": "rolling"}}
        play("rollout", inventory, service=SERVICE, version=OLD, **rolling)
        print(f"replacing {hosts} hosts", flush=True)
        play("rollout", inventory, service=SERVICE, version=NEW)
        runs = []
        for number in range(times):
            fleet = Fleet(Lab.read(inventory), inventories=(inventory,))
            runs.append(go_back(fleet, [OLD, NEW][number % 2], rate, hosts))
            print(json.dumps(runs[-1]), flush=True)
    finally:
        if not keep:
            play("lab_down", inventory, **variables)
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description="Going back to hosts that are kept aside")
    parser.add_argument("--hosts", type=int, default=6)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    runs = measure(given.hosts, given.times, given.rate, given.keep)
    figures = {
        name: {"least": min(all_), "median": statistics.median(all_), "most": max(all_)}
        for name in ("seconds", "command_seconds")
        for all_ in [[run[name] for run in runs]]
    }
    report = {"hosts": given.hosts, "rate": given.rate, "machine": facts, "runs": runs, **figures}
    (BUILD / "image_rollback.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    whole = all(not run["failed"] and not run["wrong"] and run["online_min"] >= given.hosts for run in runs)
    met = whole and figures["seconds"]["most"] <= LIMIT_SECONDS
    print(shown(facts))
    for name, what in (("seconds", "lock to last member"), ("command_seconds", "the whole command")):
        print(f"{what:22}" + ", ".join(f"{word} {value:.1f} s" for word, value in figures[name].items()))
    print(f"{sum(run['requests'] for run in runs)} requests, {sum(run['failed'] for run in runs)} failed")
    print(f"limit {LIMIT_SECONDS:g} s at the balancers: {'ok' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
