# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long an artifact takes to many hosts by a few relays, beside one host, through links of a given speed.

    python -m tests.bench.artifact_fan_out [--hosts 50] [--megabytes 200] [--link 20] [--relays 2] [--runs 3] [--keep]

What each host and each relay takes in is limited by tc to ``--link`` MB/s; what leaves a relay isn't. One host fetches
straight from the store. What leaves the store is added up from the log of its nginx. In a last run, which isn't judged,
a relay is killed in the middle. Writes build/bench/artifact_fan_out.json. Ends with status 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, PLAYS, artifact, inside, kill, lab, play
from tests.bench.machine import machine, shown

TIME_LIMIT = 2.0  # of one host's time
STORE, ONE = "store1", "web1"


def limit_links(megabytes: float) -> None:
    """Has each host but the store take in no more a second: the other end of its link, here, sends no faster."""
    links = {path.joinpath("ifindex").read_text().strip(): path.name for path in Path("/sys/class/net").iterdir()}
    rate = ["rate", f"{megabytes * 8:g}mbit", "burst", "256kb", "latency", "200ms"]
    for host, its_end in inside("/sys/class/net/eth0/iflink").items():
        if host != STORE:
            link = links[its_end.read_text().strip()]
            subprocess.run(["tc", "qdisc", "replace", "dev", link, "root", "tbf", *rate], check=True)


class Fleet:
    """The lab's hosts, and releases that nobody has yet."""

    def __init__(self, given: dict[str, Any], forks: int = 1) -> None:
        self.given = given
        self.environment = {"ANSIBLE_FORKS": str(forks)}

    def stage(self, version: str, hosts: str = "bench", relayed: bool = True) -> dict[str, float]:
        """Stages one release; returns the seconds, and the bytes that left the store."""
        before = self.left_store()
        given: dict[str, Any] = {**self.given, "version": version, "hosts": hosts, "relayed": relayed}
        seconds = play(PLAYS / "fan_out.yml", given, self.environment)
        return {"seconds": seconds, "bytes": self.left_store() - before}

    def left_store(self) -> int:
        """The bytes of all bodies that the store has sent, by the log of its nginx."""
        log = inside("/var/log/nginx/access.log")[STORE].read_text(encoding="utf-8")
        return sum(int(size) for size in re.findall(r'" [0-9]{3} ([0-9]+) "', log))


def measure(told: argparse.Namespace, fleet: Fleet, versions: list[str]) -> dict[str, list[dict[str, float]]]:
    rows: dict[str, list[dict[str, float]]] = {"one": [], "all": []}
    for number in range(told.runs):
        rows["one"].append(fleet.stage(versions[2 * number], ONE, relayed=False))
        rows["all"].append(fleet.stage(versions[2 * number + 1]))
        for name in rows:
            row = rows[name][-1]
            print(
                f"run {number + 1} of {told.runs}, {name}: {row['seconds']:.1f} s, {row['bytes'] / 1e6:.1f} MB",
                flush=True,
            )
    after = threading.Timer(rows["one"][-1]["seconds"] / 2, kill, ["relay1"])
    after.start()
    rows["with a relay killed"] = [fleet.stage(versions[-1])]
    after.join()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="An artifact to many hosts by a few relays")
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--link", type=float, default=20, help="what a host takes in, in MB/s")
    parser.add_argument("--relays", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the hosts for the next run")
    told = parser.parse_args()
    facts = machine()
    versions = [f"{int(time.time())}.{number}" for number in range(2 * told.runs + 1)]
    relays = [
        {"name": f"relay{n + 1}", "groups": ["artifact_relays"], "vars": {"zone": "a"}} for n in range(told.relays)
    ]
    with (
        lab(told.hosts, told.keep, lab_stores=1, lab_extra_hosts=relays, lab_zones=["a"]),
        tempfile.TemporaryDirectory() as folder,
    ):
        path, sha256 = artifact(Path(folder), 40, int(told.megabytes * 1e6))
        play(PLAYS / "fan_out_prepare.yml", {"versions": versions, "artifact": str(path)})
        limit_links(told.link)
        size = path.stat().st_size
        fleet = Fleet({"sha256": sha256, "size": size, "artifact": path.name}, told.hosts)
        rows = measure(told, fleet, versions)
    report = {"machine": facts, **vars(told), "size": size, "rows": rows, **verdict(rows, size, told.relays)}
    (BUILD / "artifact_fan_out.json").write_text(json.dumps(report, indent=2) + "\n")
    show(told, report)
    return 0 if report["ok"] else 1


def verdict(rows: dict[str, list[dict[str, float]]], size: int, relays: int) -> dict[str, Any]:
    one, every = (statistics.median(row["seconds"] for row in rows[name]) for name in ("one", "all"))
    sent = max(row["bytes"] for row in rows["all"]) / size
    return {"time_ratio": every / one, "sent": sent, "ok": every / one <= TIME_LIMIT and sent <= relays}


def show(told: argparse.Namespace, report: dict[str, Any]) -> None:
    print(f"\n{told.megabytes:g} MB to {told.hosts} hosts, links of {told.link:g} MB/s, median of {told.runs} runs")
    print(shown(report["machine"]))
    for name, rows in report["rows"].items():
        seconds = statistics.median(row["seconds"] for row in rows)
        print(f"{name:22}{seconds:>8.1f} s{max(row['bytes'] for row in rows) / 1e6:>10.1f} MB out of the store")
    for name, figure, limit in (
        ("time, of one host's", report["time_ratio"], TIME_LIMIT),
        ("artifacts out of the store", report["sent"], told.relays),
    ):
        print(f"{name:28}{figure:>8.2f}  limit {limit:>4.1f}  {'ok' if figure <= limit else 'MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
