# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much a slow host holds the others up: twenty members in a window of four, one of which takes 30 s longer.

    python -m tests.bench.sliding_window [--hosts 20] [--slow 30] [--keep]

The slow member alone is measured first, as a whole process: no packing of the others beside it could end earlier.
Prints both and writes build/bench/sliding_window.json. Ends with status 1 where the whole takes over 10 % longer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.bench.lab import BUILD, CHECKOUT
from tests.bench.stage_and_switch import machine

SERVICE, OLD, NEW = "swagger_ui", "0.0.9", "1.1.0"
LIMIT = 1.10
FILES = BUILD / "window"
SLOW_MARK = "/etc/golden-fleet-bench-slow"


def play(playbook: str, inventory: Path, **variables: Any) -> float:
    """Runs one playbook of the checkout; returns the seconds of the whole process."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), f"playbooks/{playbook}.yml"]
    command += ["-i", str(inventory), "-e", json.dumps(variables)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, env={**os.environ})
    if done.returncode != 0:
        raise SystemExit(f"{playbook} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return time.monotonic() - began


def contract(slow_seconds: int) -> dict[str, Any]:
    """What this environment says otherwise: a window of four, and a start that is slow on the member that is marked."""
    return {
        "pool": {"window": 4, "floor": "50%", "floor_per_zone": 0},
        "release": {
            "activate": [["sh", "-c", f"! test -e {SLOW_MARK} || sleep {slow_seconds}"]],
            "activate_timeout_seconds": slow_seconds + 60,
        },
        "gates": [],
    }


def raise_lab(hosts: int, slow_seconds: int) -> tuple[Path, Path, dict[str, Any]]:
    """The fleet, and an inventory of the slow member alone; with the variables that take the lab down again."""
    whole, alone = FILES / "inventory" / "hosts.yml", FILES / "alone" / "hosts.yml"
    sizes = {"lab_balancers": 1, "lab_webs": hosts, "lab_stores": 1, "lab_developments": 0}
    variables = {**sizes, "lab_services": [SERVICE], "lab_files": str(FILES / "lab"), "lab_inventory": str(whole)}
    whole.parent.mkdir(parents=True, exist_ok=True)
    alone.parent.mkdir(parents=True, exist_ok=True)
    print(f"raising {hosts} members", flush=True)
    play("lab", whole, **variables)
    inventory = yaml.safe_load(whole.read_text(encoding="utf-8"))
    inventory["all"]["vars"][f"{SERVICE}_contract"] = contract(slow_seconds)
    groups = inventory["all"]["children"]
    slow = list(groups[SERVICE]["hosts"])[1]  # the first one is the canary
    groups["linux"]["hosts"][slow]["slow"] = True
    whole.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    groups[SERVICE]["hosts"] = {slow: {}}
    alone.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    return whole, alone, variables


def mark_slow(inventory: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("ansible")),
        "-i",
        str(inventory),
        SERVICE,
        "-m",
        "ansible.builtin.file",
    ]
    command += ["-a", f"path={SLOW_MARK} state=touch"]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)


def measure(hosts: int, slow_seconds: int, keep: bool) -> dict[str, float]:
    whole, alone, variables = raise_lab(hosts, slow_seconds)
    try:
        play("provision", whole)
        play("artifacts", whole, service=SERVICE)
        play("rollout", whole, service=SERVICE, version=OLD)
        fast = play("rollout", whole, service=SERVICE, version=NEW)
        play("rollback", whole, service=SERVICE)
        mark_slow(alone)
        slow_alone = play("rollout", alone, service=SERVICE, version=NEW)
        play("rollback", whole, service=SERVICE, version=OLD)
        all_of_them = play("rollout", whole, service=SERVICE, version=NEW)
    finally:
        if not keep:
            play("lab_down", whole, **variables)
    return {"nobody slow": fast, "the slow one alone": slow_alone, "all, one of them slow": all_of_them}


def main() -> int:
    parser = argparse.ArgumentParser(description="A slow member in a sliding window")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--slow", type=int, default=30, help="seconds that one member takes longer")
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    seconds = measure(given.hosts, given.slow, given.keep)
    least = max(seconds["the slow one alone"], seconds["nobody slow"])
    ratio = seconds["all, one of them slow"] / least
    report = {"hosts": given.hosts, "slow_seconds": given.slow, "machine": facts, "ratio": round(ratio, 3)}
    report["seconds"] = {name: round(value, 1) for name, value in seconds.items()}
    (BUILD / "sliding_window.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    for name, value in seconds.items():
        print(f"{name:24}{value:8.1f} s")
    print(f"{'beside the least':24}{ratio:8.2f}    limit {LIMIT:.2f}  {'ok' if ratio <= LIMIT else 'MISSED'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
