# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From 3 hosts of a service to 350 and back under load, beside as many bare ``podman run`` of the same image.

    python -m tests.bench.scale [--count 350] [--rate 200] [--broken 10] [--keep]

Grows from 3 to the count, goes back to 3, and with ``--broken`` grows once more while that share of the hosts, in per
cent, never boots. Then times bare ``podman run`` for as many containers, as many at once and under the same load.
Prints the times from launch to the online pool. Writes build/bench/scale.json. Ends with status 1 where a request
failed, the floor was not kept, a count was not reached, or growing took over 1.5 times the bare time.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from demo.lab import Lab
from tests.bench.lab import BUILD, begin_inventory
from tests.bench.machine import machine, shown
from tests.bench.sliding_window import play
from tests.integration.fleet import Fleet

SERVICE, VERSION = "swagger_ui", "1.1.0"
LIMIT = 1.5
DECLARED = 3
FLOOR = 2
FILES = BUILD / "scale"
# 700 hosts' checks a second would be most of what this machine does.
CONTRACT = {"pool": {"floor": FLOOR, "floor_per_zone": 0, "check_seconds": 5}}


def raise_lab(files: Path, webs: int, contract: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The folder of the inventory, with what is launched in it; and the variables that take the lab down again."""
    inventory = files / "inventory" / "hosts.yml"
    sizes = {"lab_balancers": 2, "lab_webs": webs, "lab_stores": 1, "lab_developments": 0}
    variables = {**sizes, "lab_services": [SERVICE], "lab_files": str(files / "lab"), "lab_inventory": str(inventory)}
    begin_inventory(inventory)
    play("lab", inventory, **variables)
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    content["all"]["vars"][f"{SERVICE}_contract"] = contract
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    return inventory.parent, variables


def scale(inventory: Path, count: int, rate: float, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Runs the playbook under load; what customers saw, and how long it took."""
    fleet = Fleet(Lab.read(inventory), inventories=(inventory,), env=environment or {})
    # To look at hundreds of members five times a second would be a tenth of what this machine does.
    with fleet.watched(SERVICE, rate=rate, samples_per_second=1) as seen:
        began = time.monotonic()
        run = fleet.start("scale", service=SERVICE, count=count)
        try:
            status = run.wait(3600)
        finally:
            fleet.end()
        seconds = time.monotonic() - began
    if status:
        print(run.tail(30))
    after = Fleet(Lab.read(inventory), inventories=(inventory,))
    online = {name: len(members) for name, members in after.online(SERVICE).items()}
    said = re.search(r"p50 ([\d.]+) s, p99 ([\d.]+) s", run.output)
    return {
        "seconds": round(seconds, 1),
        "status": status,
        "online": online,
        "reached": all(number == count for number in online.values()),
        "requests": seen[0].figures.requests,
        "failed": len(seen[0].failures),
        "wrong": seen[0].wrong_version,
        "online_min": seen[0].online_min,
        "p50_seconds": float(said[1]) if said else None,
        "p99_seconds": float(said[2]) if said else None,
        "replaced": run.output.count(" is replaced by "),
    }


@contextmanager
def broken_podman(share: int) -> Iterator[dict[str, str]]:
    """A podman first on PATH that makes every so many-th host of a command that is no init: it never boots."""
    folder = FILES / "broken"
    folder.mkdir(parents=True, exist_ok=True)
    counter = folder / "count"
    counter.write_text("", encoding="ascii")
    script = folder / "podman"
    script.write_text(
        f"""#!/bin/sh
PATH=${{PATH#{folder}:}}
if [ "$1" = run ]; then
    echo >>{counter}
    [ $(($(wc -l <{counter}) % {100 // share})) -ne 0 ] || exec podman "$@" sleep infinity
fi
exec podman "$@"
""",
        encoding="ascii",
    )
    script.chmod(0o755)
    yield {"PATH": f"{folder}:{os.environ['PATH']}"}


def bare(inventory: Path, count: int, rate: float) -> float:
    """How long bare ``podman run`` takes for as many containers of the image, with the same options and load."""
    variables = yaml.safe_load((inventory / "launched.yml").read_text(encoding="utf-8"))
    lab, environment = variables["lab"], {**os.environ, "CONTAINERS_CONF": f"{variables['files']}/containers.conf"}

    def podman(*words: str) -> str:
        done = subprocess.run(["podman", *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    images = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference=localhost/{lab}/*")
    image = next(name for name in images.split() if ":good-" in name)

    # As plugins/module_utils/_podman/podman.py has it.
    share = (*(() if Path("/run/systemd/system").is_dir() else ("--cgroup-parent", "/")), "--cpu-shares", "128")

    def run(number: int) -> None:
        options = ("--systemd=always", "--cap-add", "SYS_ADMIN", "--network", lab, *share)
        podman("run", "--detach", "--name", f"{lab}-bare-{number}", *options, image)

    fleet = Fleet(Lab.read(inventory), inventories=(inventory,))
    with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        with fleet.watched(SERVICE, rate=rate):
            began = time.monotonic()
            list(pool.map(run, range(count)))
            seconds = time.monotonic() - began
        list(pool.map(lambda n: podman("rm", "--force", "--time", "0", f"{lab}-bare-{n}"), range(count)))
    return round(seconds, 1)


def measure(count: int, rate: float, share: int, keep: bool) -> dict[str, Any]:
    inventory, variables = raise_lab(FILES, DECLARED, CONTRACT)
    try:
        play("provision", inventory)
        play("artifacts", inventory, service=SERVICE)
        play("rollout", inventory, service=SERVICE, version=VERSION)
        play("bake", inventory, service=SERVICE)
        report: dict[str, Any] = {}
        print(f"growing from {DECLARED} to {count}", flush=True)
        report["grow"] = scale(inventory, count, rate)
        print(json.dumps(report["grow"]), flush=True)
        report["shrink"] = scale(inventory, DECLARED, rate)
        print(json.dumps(report["shrink"]), flush=True)
        if share:
            with broken_podman(share) as environment:
                report["grow, some broken"] = scale(inventory, count, rate, environment)
            print(json.dumps(report["grow, some broken"]), flush=True)
            report["shrink again"] = scale(inventory, DECLARED, rate)
        report["bare"] = {"seconds": bare(inventory, count - DECLARED, rate)}
    finally:
        if not keep:
            play("lab_down", inventory, **variables)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description="From 3 hosts to 350 and back")
    parser.add_argument("--count", type=int, default=350)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--broken", type=int, default=10, help="per cent of hosts that never boot, in a second growth")
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    report = measure(given.count, given.rate, given.broken, given.keep)
    steps = {name: step for name, step in report.items() if "status" in step}
    ratio = report["grow"]["seconds"] / report["bare"]["seconds"]
    good = all(
        step["reached"] and not step["failed"] and not step["wrong"] and step["online_min"] >= FLOOR
        for step in steps.values()
    )
    report |= {"count": given.count, "rate": given.rate, "machine": facts, "ratio": round(ratio, 2)}
    (BUILD / "scale.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(shown(facts))
    for name, step in steps.items():
        print(
            f"{name:20}{step['seconds']:8.1f} s  {step['requests']:7} requests, {step['failed']} failed;"
            f" least online {step['online_min']}, {step['replaced']} replaced;"
            f" to pool p50 {step['p50_seconds']} s, p99 {step['p99_seconds']} s"
        )
    print(f"{'bare podman run':20}{report['bare']['seconds']:8.1f} s")
    print(f"{'growing beside it':20}{ratio:8.2f}    limit {LIMIT:.2f}  {'ok' if ratio <= LIMIT and good else 'MISSED'}")
    return 0 if ratio <= LIMIT and good else 1


if __name__ == "__main__":
    sys.exit(main())
