# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A hundred atomic rollouts of a PHP service of 1,000 files under load: what customers got, and PHP's opcode cache.

    python -m tests.bench.atomic_rollouts [--rollouts 100] [--rate 300] [--members 2] [--cache-mb 128] [--keep]

Members behind two balancers; each rollout is playbooks/rollout.yml as a person runs it, to a release that is new
to the members. Of five releases, one differs in 202 files from the one before, the others in one, which every page
needs. So a slot, which holds the release before the last one, is brought up by one file in three of five rollouts and
by 202 in two. In turn, five by five, the gate asks for a page as customers do, of 20 files, or for one of all of them.

No request may fail, no page may be of two releases, and none of a release that the member's link did not lead to while
it was asked for (tests/bench/answers.py). The opcode cache must be flat from the second rollout on: no restart, no more
files than two slots hold, and no more than 2 % more memory in use. In the second after a switch that changed one file
in the slot at least 99 % of the files must be found in it. Writes build/bench/atomic_rollouts.json, .svg and .png. Ends
with status 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from demo.lab import Lab
from tests.bench.atomic_picture import draw
from tests.bench.carried import NAME, Carried, Rollout, carry
from tests.bench.lab import BUILD, CHECKOUT, begin_inventory
from tests.bench.machine import machine, shown
from tests.bench.opcode_cache import second_after
from tests.bench.sliding_window import play
from tests.integration.fleet import Fleet
from tests.integration.own_repository import own_service

REPOSITORY = CHECKOUT / "tests" / "integration" / "atomic_service"
FILES = BUILD / "atomic"
# Of the library; with the page itself, the last file of each page and the one that tells of the cache, a thousand.
LIBRARY, ASKED = 997, 20
SCRIPTS = LIBRARY + 3
SERIES = 5
HIT_RATE, GROWTH = 0.99, 1.02


def version(number: int) -> str:
    return f"1.{number // SERIES}.{number % SERIES}"


def changed(number: int) -> int:
    """How many files of the slot a rollout changes: it holds the release before the last one."""
    return 1 if number % SERIES >= 2 else len(range(0, LIBRARY, 5)) + 2


def asks_for_all(number: int) -> bool:
    return number // SERIES % 2 == 1


def contract(rollouts: int, asked: int = ASKED) -> dict[str, Any]:
    gate = {"name": "pages", "command": ["{python}", "tests/suite.py", str(asked)], "timeout_seconds": 60}
    return {
        "artifact": {
            "build": ["{python}", "artifact/build.py", str(LIBRARY), str(ASKED)],
            "versions": [version(number) for number in range(rollouts + 1)],
        },
        "gates": [gate],
    }


@contextmanager
def raised(rollouts: int, members: int, cache_mb: int, keep: bool) -> Iterator[Fleet]:
    """The service on its members, with its first release; all others in the store."""
    inventory = FILES / "inventory" / "hosts.yml"
    sizes = {"lab_balancers": 2, "lab_webs": members, "lab_stores": 1, "lab_developments": 0}
    variables = {**sizes, "lab_services": [], "lab_files": str(FILES / "lab"), "lab_inventory": str(inventory)}
    begin_inventory(inventory)
    print("raising the lab", flush=True)
    play("lab", inventory, **variables)
    try:
        with tempfile.TemporaryDirectory() as folder:
            base = Fleet(Lab.read(inventory), inventories=(inventory,))
            repository = shutil.copytree(REPOSITORY, Path(folder) / "given")
            hosts = dict.fromkeys(f"web{number + 1}" for number in range(members))
            groups = {"all": {"children": {NAME: {"hosts": hosts}}}}
            (repository / "inventories" / "lab" / "services.yml").write_text(yaml.safe_dump(groups), encoding="utf-8")
            with own_service(base, NAME, repository, Path(folder) / "repository", []) as fleet:
                given = {f"{NAME}_contract": contract(rollouts)}
                print(f"building {rollouts + 1} releases", flush=True)
                publish(fleet, given)
                fleet.must("golden.fleet.provision", php_site_opcache_mb=cache_mb, **given)
                fleet.must("golden.fleet.rollout", service=NAME, version=version(0), **given)
                yield fleet
    finally:
        if not keep:
            play("lab_down", inventory, **variables)


def publish(fleet: Fleet, given: dict[str, Any]) -> None:
    """Builds all releases, and brings them to the store at once: as the playbook does it, a hundred take long."""
    built = FILES / "artifacts"
    build = fleet.start(
        "golden.fleet.artifacts", "--limit", "localhost,balancers", service=NAME, artifacts_folder=str(built), **given
    )
    assert build.wait(3600) == 0, build.tail()
    folders = [f"{NAME}/{one}" for one in given[f"{NAME}_contract"]["artifact"]["versions"]]
    packed = subprocess.run(["tar", "--create", "--directory", str(built), *folders], check=True, capture_output=True)
    (store,) = fleet.lab.group("artifact_stores")
    unpack = "mkdir -p /srv/artifacts && tar --extract --no-same-owner --directory /srv/artifacts"
    subprocess.run(store.command("sh", "-c", unpack), input=packed.stdout, check=True)


def measure(fleet: Fleet, rollouts: int, rate: float, minutes: float) -> Carried:
    until = time.monotonic() + minutes * 60

    def given() -> Iterator[tuple[str, dict[str, Any]]]:
        for number in range(1, rollouts + 1):
            if time.monotonic() < until:
                asked = LIBRARY if asks_for_all(number) else ASKED
                yield version(number), {f"{NAME}_contract": contract(rollouts, asked)}

    def tell(rollout: Rollout) -> None:
        print(f"{rollout.version}: {rollout.seconds:.1f} s, switched {rollout.spread:.3f} s apart", flush=True)

    return carry(fleet, given(), rate, FILES, tell)


def hit_rates(carried: Carried) -> list[dict[str, Any]]:
    """For each rollout what the second after it was like on the member where it was worst."""
    rows = []
    for number, rollout in enumerate(carried.rollouts, 1):
        seen = [second_after(carried.samples[switch.member], switch.at) for switch in rollout.switches]
        known = [second for second in seen if second is not None]
        worst = min(known, key=lambda second: second.hit_rate, default=None)
        rows.append(
            {
                "version": rollout.version,
                "seconds": round(rollout.seconds, 1),
                "spread": round(rollout.spread, 3),
                "changed": changed(number),
                "gate_asks_for_all": asks_for_all(number),
                # The idle slot was empty before the first one: all of its files are new.
                "first": number == 1,
                "members_seen": len(known),
                "lookups": worst.lookups if worst else 0,
                "misses": worst.misses if worst else 0,
                "hit_rate": round(worst.hit_rate, 5) if worst else None,
            }
        )
    return rows


def memory(carried: Carried) -> list[dict[str, Any]]:
    """What each member's cache holds after each rollout, and at the most by how much more than after the second."""
    rows = []
    for member in carried.samples:
        left = carried.left(member)
        second = left[1] if len(left) > 1 else left[0]
        later = [sample for sample in carried.samples[member] if sample.told >= second.told]
        rows.append(
            {
                "member": member,
                "used_mb": [round(sample.used / 2**20, 3) for sample in left],
                "wasted_mb": [round(sample.wasted / 2**20, 3) for sample in left],
                "strings_mb": [round(sample.strings / 2**20, 3) for sample in left],
                "scripts": [sample.scripts for sample in left],
                "scripts_max": max(sample.scripts for sample in carried.samples[member]),
                "growth": round(max(sample.used for sample in later) / second.used, 4),
                "restarts": left[-1].restarts - carried.samples[member][0].restarts,
            }
        )
    return rows


def judged(report: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """The rows of the table: what, how it was, its limit, and whether that was kept."""
    customers, caches, rates = report["customers"], report["caches"], report["hit_rates"]
    growth, scripts = max(c["growth"] for c in caches), max(c["scripts_max"] for c in caches)
    restarts = sum(c["restarts"] for c in caches)
    narrow = [row["hit_rate"] for row in rates if row["changed"] == 1]
    seen = all(row["members_seen"] == report["members"] for row in rates)
    worst = min((rate for rate in narrow if rate is not None), default=0.0)
    reached = round(customers["rate"])
    return [
        ("rollouts", str(report["rollouts"]), f"{report['wanted']}", report["rollouts"] == report["wanted"]),
        ("requests/s", f"{customers['rate']}", f">= {report['rate']:g}", reached >= report["rate"]),
        ("requests failed", f"{customers['failed']} of {customers['requests']}", "0", customers["failed"] == 0),
        ("mixed answers", str(customers["mixed"]), "0", customers["mixed"] == 0),
        ("stale answers", str(customers["stale"]), "0", customers["stale"] == 0),
        ("cache: most memory, of the second rollout's", f"{growth:.3f}", f"<= {GROWTH}", growth <= GROWTH),
        ("cache: most files", str(scripts), f"<= {2 * SCRIPTS}", scripts <= 2 * SCRIPTS),
        ("cache: restarts", str(restarts), "0", restarts == 0),
        ("found after one file changed", f"{worst:.2%}", f">= {HIT_RATE:.0%}", seen and worst >= HIT_RATE),
    ]  # fmt: skip


def unjudged(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows without a limit."""
    rows = []
    for whole in (False, True):
        for wide in (False, True):
            chosen = [
                row["hit_rate"]
                for row in report["hit_rates"]
                if (row["changed"] > 1, row["gate_asks_for_all"]) == (wide, whole)
                and row["hit_rate"] is not None
                and not row["first"]
            ]
            if chosen:
                name = f"found, {changed(0) if wide else 1} changed, gate asks for {'all' if whole else 'some'}"
                rows.append((name, f"{min(chosen):.2%}, median {statistics.median(chosen):.2%}, of {len(chosen)}"))
    first = report["hit_rates"][0]["hit_rate"]
    rows.append(("found, the other slot's first use", "not seen" if first is None else f"{first:.2%}"))
    rows.append(("seconds of a rollout", f"{report['seconds']['median']}, at the most {report['seconds']['max']}"))
    rows.append(("first to last switch, s", f"{report['spread']['median']}, at the most {report['spread']['max']}"))
    latency = report["customers"]
    rows.append(("ms of an answer", f"p50 {latency['p50_ms']}, p99 {latency['p99_ms']}, max {latency['max_ms']}"))
    caches = report["caches"]
    for name in ("used", "wasted", "strings"):
        ends = [(c[f"{name}_mb"][min(1, len(c[f"{name}_mb"]) - 1)], c[f"{name}_mb"][-1]) for c in caches]
        rows.append((f"cache: MB {name}, second and last", ", ".join(f"{a:.2f} {b:.2f}" for a, b in ends)))
    return rows


def reported(carried: Carried, given: argparse.Namespace, facts: dict[str, Any]) -> dict[str, Any]:
    figures, seconds = carried.figures, [rollout.seconds for rollout in carried.rollouts]
    spreads = [rollout.spread for rollout in carried.rollouts]
    report: dict[str, Any] = {
        "machine": facts,
        "members": len(carried.before),
        "cache_mb": given.cache_mb,
        "wanted": given.rollouts,
        "rate": given.rate,
        "rollouts": len(carried.rollouts),
        "seconds": {"median": round(statistics.median(seconds), 1), "max": round(max(seconds), 1)},
        "spread": {"median": round(statistics.median(spreads), 3), "max": round(max(spreads), 3)},
        "customers": {
            "requests": figures.requests,
            "rate": figures.rate,
            "failed": len(carried.failed),
            "errors": figures.errors,
            "mixed": len(carried.mixed),
            "stale": len(carried.stale),
            "p50_ms": figures.p50_ms,
            "p99_ms": figures.p99_ms,
            "max_ms": figures.max_ms,
            "load": figures.facts,
        },
        "hit_rates": hit_rates(carried),
        "caches": memory(carried),
    }
    report["limits"] = [dict(zip(("what", "figure", "limit", "ok"), row, strict=True)) for row in judged(report)]
    return report


def show(report: dict[str, Any]) -> None:
    print("\n" + shown(report["machine"]))
    print(f"{report['members']} members, {SCRIPTS} files, {ASKED + 2} of them in a page\n")
    for row in report["limits"]:
        print(f"{row['what']:46}{row['figure']:>16}  {row['limit']:>8}  {'ok' if row['ok'] else 'MISSED'}")
    for name, said in unjudged(report):
        print(f"{name:46}{said}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Atomic rollouts under load")
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument("--rate", type=float, default=300, help="requests a second, through both balancers together")
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=600, help="no rollout begins later, which then are too few")
    parser.add_argument("--cache-mb", type=int, default=128, help="how large the opcode cache is")
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    with raised(given.rollouts, given.members, given.cache_mb, given.keep) as fleet:
        carried = measure(fleet, given.rollouts, given.rate, given.minutes)
    report = reported(carried, given, facts)
    (BUILD / "atomic_rollouts.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draw(carried, report, BUILD / "atomic_rollouts.svg", BUILD / "atomic_rollouts.png")
    show(report)
    return 0 if all(row["ok"] for row in report["limits"]) else 1


if __name__ == "__main__":
    sys.exit(main())
