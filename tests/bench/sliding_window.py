# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much slow hosts hold the others up: forty members, three quarters of them always online, two take 30 s longer.

    python -m tests.bench.sliding_window [--hosts 40] [--slow-percent 5] [--slow 30] [--floor 75%] [--keep]

The window is what the floor leaves. Beside it stand

- the same by hand with `serial` (plays/serial.yml), in batches as large as the window, the slow ones in batches of
  their own, or, as luck may have it, in one batch;
- the rollout in which the slow members alone have to change, the one in which nobody is slow, and the ideal packing:
  that one with its window as short as the members' own changes, by the balancer's journal, allow with 30 s more for
  the slow ones.

The first rollout with slow members doesn't know of them, later ones do. Each has the release on its members already.
How many are online is asked of the balancer five times a second. Writes build/bench/sliding_window.json, .svg and
.png. Ends with status 1 where either rollout takes less than 35 % less than `serial`, the later one over 10 % longer
than the longer of the slow ones alone and the ideal packing, or fewer were online than the floor at any time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.lab import Lab, Service
from demo.report import longest_blindness
from demo.sampler import Sample, Sampler
from tests.bench.lab import BUILD, CHECKOUT, PLAYS, begin_inventory, run
from tests.bench.machine import machine, shown
from tests.bench.window_picture import draw

SERVICE, OLD, NEW = "swagger_ui", "0.0.9", "1.1.0"
PACKING_LIMIT, SERIAL_LIMIT = 1.10, 0.65
# A watcher that looked away for longer may have missed something.
BLIND_LIMIT_SECONDS = 2.0
FILES = BUILD / "window"
ROOT = "/srv/swagger_ui"
SLOW_MARK = "/etc/golden-fleet-bench-slow"


def play(playbook: str | Path, inventory: Path, **variables: Any) -> float:
    """Runs one playbook, by its name one of the checkout's; returns the seconds of the whole process."""
    path = f"playbooks/{playbook}.yml" if isinstance(playbook, str) else str(playbook)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), path]
    command += ["-i", str(inventory), "-e", json.dumps(variables)]
    return run(command)


def contract(floor: str, window: int, slow_seconds: int) -> dict[str, Any]:
    """What this environment says otherwise: floor and window, and a start that is slow on members that are marked."""
    return {
        "pool": {"window": window, "floor": floor, "floor_per_zone": 0},
        "release": {
            "activate": [["sh", "-c", f"! test -e {SLOW_MARK} || sleep {slow_seconds}"]],
            "activate_timeout_seconds": slow_seconds + 60,
        },
        "gates": [],
    }


@dataclass
class Bench:
    """A fleet, and which of its members are slow."""

    inventory: Path
    service: Service
    window: int
    slow_seconds: int
    slow: list[str]

    @property
    def members(self) -> list[str]:
        return list(self.service.members)

    def on(self, hosts: str, module: str, **arguments: Any) -> None:
        """Runs one module on some hosts."""
        command = [str(Path(sys.executable).with_name("ansible")), "-i", str(self.inventory), hosts, "-m", module]
        subprocess.run([*command, "-a", json.dumps(arguments)], cwd=CHECKOUT, check=True, capture_output=True)

    def mark(self, slow: list[str]) -> None:
        self.on(SERVICE, "ansible.builtin.file", path=SLOW_MARK, state="absent")
        if slow:
            self.on(",".join(slow), "ansible.builtin.file", path=SLOW_MARK, state="touch")

    def watched(self, run: Callable[[], float]) -> Watched:
        """Runs it while the balancer is asked how many are online."""
        with Sampler(Lab.read(self.inventory).balancers, [SERVICE]) as sampler:
            sampler.wait(10)
            began = time.time()
            seconds = run()
            ended = time.time()
            samples = sampler.stop()
        return Watched(began, seconds, samples, longest_blindness(samples, began, ended))

    def rollout(self, version: str) -> Watched:
        return self.watched(lambda: play("rollout", self.inventory, service=SERVICE, version=version))

    def by_hand(self, version: str) -> Watched:
        (balancer,) = Lab.read(self.inventory).balancers
        variables = {
            "service": SERVICE,
            "batch": self.window,
            "balancer": balancer.name,
            "activate": contract("", 0, self.slow_seconds)["release"]["activate"][0],
            "port": self.service.contract["listen"]["port"],
            "path": self.service.contract["health"]["path"],
        }
        return self.watched(lambda: play(PLAYS / "serial.yml", self.inventory, version=version, **variables))

    def changes(self) -> list[tuple[float, float]]:
        """When each member but the canary was taken out and admitted in the last rollout, in seconds."""
        (balancer,) = Lab.read(self.inventory).balancers
        text = balancer.read(f"/var/lib/golden-fleet/{SERVICE}.journal.jsonl")
        out: dict[str, float] = {}
        found = []
        for event in map(json.loads, text.splitlines()):
            if event["event"] == "reserved":
                out[event["member"]] = event["at"]
            elif event["event"] == "admitted" and event["member"] in out:
                found.append((out.pop(event["member"]), event["at"]))
        return found[1 - len(self.members) :]

    def ideal_packing(self, seconds: float, changed: list[tuple[float, float]]) -> float:
        """How long a rollout of ``seconds`` had taken, its window packed without a gap, with some members slower."""
        each = [admitted - reserved for reserved, admitted in changed]
        window = max(admitted for _, admitted in changed) - min(reserved for reserved, _ in changed)
        whole = sum(each) + len(self.slow) * self.slow_seconds
        return seconds - window + max(statistics.median(each) + self.slow_seconds, whole / self.window)


@dataclass
class Watched:
    """What took how long, and who was online meanwhile."""

    began: float
    seconds: float
    samples: list[Sample]
    blind: float

    @property
    def online_min(self) -> int:
        return min(sample.online for sample in self.samples)

    def below(self, floor: int) -> int:
        return sum(sample.online < floor for sample in self.samples)


def raised(hosts: int, floor: str, slow_percent: float, slow_seconds: int) -> tuple[Bench, dict[str, Any]]:
    """The fleet, and the variables that take it down again."""
    inventory = FILES / "inventory" / "hosts.yml"
    sizes = {"lab_balancers": 1, "lab_webs": hosts, "lab_stores": 1, "lab_developments": 0}
    variables = {**sizes, "lab_services": [SERVICE], "lab_files": str(FILES / "lab"), "lab_inventory": str(inventory)}
    begin_inventory(inventory)
    print(f"raising {hosts} members", flush=True)
    play("lab", inventory, **variables)
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    content["all"]["vars"][f"{SERVICE}_contract"] = {"pool": {"floor": floor}}
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    window = hosts - Lab.read(inventory).services[SERVICE].floor
    content["all"]["vars"][f"{SERVICE}_contract"] = contract(floor, window, slow_seconds)
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    service = Lab.read(inventory).services[SERVICE]
    # One in each of as many batches, in the middle of it; the first member of all is the canary.
    count = max(1, round(hosts * slow_percent / 100))
    slow = [service.members[number * hosts // count + window // 2] for number in range(count)]
    return Bench(inventory, service, window, slow_seconds, slow), variables


def measure(bench: Bench) -> tuple[dict[str, Watched], float]:
    """What was watched, in the order in which it was done; and the seconds of the ideal packing."""
    play("provision", bench.inventory)
    play("artifacts", bench.inventory, service=SERVICE)
    bench.mark([])
    play("rollout", bench.inventory, service=SERVICE, version=OLD)
    play("rollout", bench.inventory, service=SERVICE, version=NEW)
    seen = {}

    def note(name: str, watched: Watched) -> None:
        seen[name] = watched
        print(f"{name}: {watched.seconds:.1f} s, at least {watched.online_min} online", flush=True)

    note("nobody slow", bench.rollout(OLD))
    ideal = bench.ideal_packing(seen["nobody slow"].seconds, bench.changes())
    bench.mark(bench.slow)
    note("some slow, for the first time", bench.rollout(NEW))
    # Behind the rollout's back: now they are the only ones that have to change.
    bench.on(",".join(bench.slow), "golden.fleet.release", root=ROOT, version=OLD, state="active")
    note("the slow ones alone", bench.rollout(NEW))
    note("some slow, as known", bench.rollout(OLD))
    note("by hand with serial", bench.by_hand(NEW))
    first = bench.members.index(bench.slow[0])
    bench.mark(bench.members[first : first + len(bench.slow)])
    note("by hand, all slow ones in one batch", bench.by_hand(OLD))
    return seen, ideal


def judged(seen: dict[str, Watched], ideal: float, floor: int) -> list[tuple[str, float, float, bool]]:
    """The limits: what, how it was, the limit, and whether it was kept."""
    known = seen["some slow, as known"].seconds
    serial = seen["by hand with serial"].seconds
    least = max(seen["the slow ones alone"].seconds, ideal)
    ours = [watched for name, watched in seen.items() if "by hand" not in name]
    figures = [
        ("of serial's time, for the first time", seen["some slow, for the first time"].seconds / serial, SERIAL_LIMIT),
        ("of serial's time, as known", known / serial, SERIAL_LIMIT),
        ("of the least time, as known", known / least, PACKING_LIMIT),
        ("samples below the floor", float(sum(watched.below(floor) for watched in ours)), 0.0),
        ("longest time not looked at, s", max(watched.blind for watched in ours), BLIND_LIMIT_SECONDS),
    ]
    return [(name, round(value, 3), limit, value <= limit) for name, value, limit in figures]


def main() -> int:
    parser = argparse.ArgumentParser(description="Slow members in a sliding window")
    parser.add_argument("--hosts", type=int, default=40)
    parser.add_argument("--slow-percent", type=float, default=5, help="how many of them are slow")
    parser.add_argument("--slow", type=int, default=30, help="seconds that these take longer")
    parser.add_argument("--floor", default="75%")
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    bench, variables = raised(given.hosts, given.floor, given.slow_percent, given.slow)
    try:
        seen, ideal = measure(bench)
    finally:
        if not given.keep:
            play("lab_down", bench.inventory, **variables)
    floor = bench.service.floor
    rows = judged(seen, ideal, floor)
    report = {
        **vars(given),
        "machine": facts,
        "window": bench.window,
        "floor_members": floor,
        "slow_members": bench.slow,
        "seconds": {name: round(watched.seconds, 1) for name, watched in seen.items()} | {"ideal": round(ideal, 1)},
        "online_min": {name: watched.online_min for name, watched in seen.items()},
        "samples": {name: len(watched.samples) for name, watched in seen.items()},
        "limits": [dict(zip(("what", "figure", "limit", "ok"), row, strict=True)) for row in rows],
    }
    (BUILD / "sliding_window.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draw(seen, report, BUILD / "sliding_window.svg", BUILD / "sliding_window.png")
    print("\n" + shown(facts))
    print(f"{given.hosts} members, floor {floor}, window {bench.window}, {len(bench.slow)} slow by {given.slow} s\n")
    for name, watched in seen.items():
        print(f"{name:38}{watched.seconds:8.1f} s   at least {watched.online_min} online")
    print(f"{'the ideal packing':38}{ideal:8.1f} s\n")
    for name, value, limit, ok in rows:
        print(f"{name:38}{value:8.2f}     limit {limit:.2f}  {'ok' if ok else 'MISSED'}")
    return 0 if all(ok for *_, ok in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
