# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much a slow host holds the others up: twenty members in a window of four, one of which takes 30 s longer.

    python -m tests.bench.sliding_window [--hosts 20] [--slow 30] [--keep]

Beside it stand the rollout in which the slow member alone has to change, the one in which nobody is slow, and the ideal
packing: that one with its window as short as the members' own changes, by the balancer's journal, allow with 30 s more
for one of them. Writes build/bench/sliding_window.json. Ends with status 1 where the whole takes over 10 % longer than
the longer of the slow one alone and the ideal packing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from demo.lab import Lab
from tests.bench.lab import BUILD, CHECKOUT, begin_inventory
from tests.bench.stage_and_switch import machine

SERVICE, OLD, NEW = "swagger_ui", "0.0.9", "1.1.0"
LIMIT = 1.10
WINDOW = 4
FILES = BUILD / "window"
ROOT = "/srv/swagger_ui"
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
        "pool": {"window": WINDOW, "floor": "50%", "floor_per_zone": 0},
        "release": {
            "activate": [["sh", "-c", f"! test -e {SLOW_MARK} || sleep {slow_seconds}"]],
            "activate_timeout_seconds": slow_seconds + 60,
        },
        "gates": [],
    }


def raise_lab(hosts: int, slow_seconds: int) -> tuple[Path, str, dict[str, Any]]:
    """The fleet's inventory and the name of the slow member; with the variables that take the lab down again."""
    inventory = FILES / "inventory" / "hosts.yml"
    sizes = {"lab_balancers": 1, "lab_webs": hosts, "lab_stores": 1, "lab_developments": 0}
    variables = {**sizes, "lab_services": [SERVICE], "lab_files": str(FILES / "lab"), "lab_inventory": str(inventory)}
    begin_inventory(inventory)
    print(f"raising {hosts} members", flush=True)
    play("lab", inventory, **variables)
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    content["all"]["vars"][f"{SERVICE}_contract"] = contract(slow_seconds)
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    return inventory, list(content["all"]["children"][SERVICE]["hosts"])[1], variables  # the first one is the canary


def on_host(inventory: Path, host: str, module: str, **arguments: Any) -> None:
    """Runs one module on one host."""
    command = [str(Path(sys.executable).with_name("ansible")), "-i", str(inventory), host, "-m", module]
    subprocess.run([*command, "-a", json.dumps(arguments)], cwd=CHECKOUT, check=True, capture_output=True)


def changes(inventory: Path, members: int) -> list[tuple[float, float]]:
    """When each of the last ``members`` that came back to the online pool was taken out and admitted: seconds."""
    (balancer,) = Lab.read(inventory).balancers
    text = balancer.read(f"/var/lib/golden-fleet/{SERVICE}.journal.jsonl")
    out: dict[str, float] = {}
    found = []
    for event in map(json.loads, text.splitlines()):
        if event["event"] == "reserved":
            out[event["member"]] = event["at"]
        elif event["event"] == "admitted" and event["member"] in out:
            found.append((out.pop(event["member"]), event["at"]))
    return found[-members:]


def ideal_packing(seconds: float, changed: list[tuple[float, float]], slow_seconds: int) -> float:
    """How long a rollout of ``seconds`` had taken, its window packed without a gap, with one member slower."""
    each = [admitted - reserved for reserved, admitted in changed]
    window = max(admitted for _, admitted in changed) - min(reserved for reserved, _ in changed)
    return seconds - window + max(statistics.median(each) + slow_seconds, (sum(each) + slow_seconds) / WINDOW)


def measure(hosts: int, slow_seconds: int, keep: bool) -> dict[str, float]:
    inventory, slow, variables = raise_lab(hosts, slow_seconds)
    try:
        play("provision", inventory)
        play("artifacts", inventory, service=SERVICE)
        on_host(inventory, SERVICE, "ansible.builtin.file", path=SLOW_MARK, state="absent")
        play("rollout", inventory, service=SERVICE, version=OLD)
        fast = play("rollout", inventory, service=SERVICE, version=NEW)
        ideal = ideal_packing(fast, changes(inventory, hosts - 1), slow_seconds)  # all but the canary
        on_host(inventory, slow, "ansible.builtin.file", path=SLOW_MARK, state="touch")
        # Behind the rollout's back: now it is the only one that has to change.
        on_host(inventory, slow, "golden.fleet.release", root=ROOT, version=OLD, state="active")
        slow_alone = play("rollout", inventory, service=SERVICE, version=NEW)
        # By now the balancers know that it takes long, as with any host that is slow each time.
        all_of_them = play("rollout", inventory, service=SERVICE, version=OLD)
    finally:
        if not keep:
            play("lab_down", inventory, **variables)
    return {
        "nobody slow": fast,
        "the slow one alone": slow_alone,
        "the ideal packing": ideal,
        "all, one of them slow": all_of_them,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="A slow member in a sliding window")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--slow", type=int, default=30, help="seconds that one member takes longer")
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    seconds = measure(given.hosts, given.slow, given.keep)
    least = max(seconds["the slow one alone"], seconds["the ideal packing"])
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
