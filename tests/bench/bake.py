# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a bake takes: cold, after one changed template file, and where nothing has changed.

    python -m tests.bench.bake [--runs 3] [--keep]

Cold is a bake on a machine that never had a lab: there is neither an image of the service nor the base image, in which
what all hosts have, and the packages that roles install, come to be. Beside it, and without a limit, stands a bake of a
service that has no image yet where the base image is there. Roles are changed in a copy of the checkout. Writes
build/bench/bake.json. Ends with status 1 where a limit is missed, each for the median of all runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.bench.lab import BUILD, CHECKOUT, PLAYBOOK, begin_inventory
from tests.bench.machine import machine, shown

SERVICE, VERSIONS = "datasette", ("0.64.8", "0.65.5")
TEMPLATE = Path("roles/python_app/templates/app.service.j2")
FILES = BUILD / "bake"
COPY = FILES / "checkout"
INVENTORY = FILES / "inventory" / "hosts.yml"
LAB = {
    **{"lab_balancers": 1, "lab_webs": 4, "lab_stores": 1, "lab_developments": 0, "lab_services": [SERVICE]},
    **{"lab_files": str(FILES / "lab"), "lab_inventory": str(INVENTORY)},
}
# Seconds, and the share of a cold bake.
NO_OP_LIMIT, CHANGED_LIMIT = 3.0, 0.25


def play(playbook: str, **variables: Any) -> tuple[float, str]:
    """Runs one playbook of the copy; the seconds of the whole process, and what it said."""
    command = [str(PLAYBOOK), f"playbooks/{playbook}.yml", "-i", str(INVENTORY.parent), "-e", json.dumps(variables)]
    began = time.monotonic()
    # By PWD the copy's bakes are told from the checkout's.
    environment = {**os.environ, "PWD": str(COPY)}
    done = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{playbook} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return time.monotonic() - began, done.stdout


def copy_checkout() -> None:
    """The checkout as git knows it, to change roles in."""
    shutil.rmtree(COPY, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0")[:-1]:
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, COPY / name, follow_symlinks=False)


def podman(*words: str) -> str:
    environment = {**os.environ, "CONTAINERS_CONF": str(FILES / "lab" / "containers.conf")}
    return subprocess.run(["podman", *words], env=environment, capture_output=True, text=True, check=True).stdout


def forget_images() -> None:
    """Removes every image of the service in this lab."""
    lab = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["all"]["vars"]["provider_podman_lab"]
    reference = f"reference=localhost/{lab}/{SERVICE}"
    for image in podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", reference).split():
        podman("rmi", image)


def change_template(number: int) -> None:
    with (COPY / TEMPLATE).open("a", encoding="utf-8") as file:
        file.write(f"# change {number}\n")


def bake(*expected: str) -> float:
    seconds, said = play("bake", service=SERVICE)
    missing = [words for words in expected if words not in said]
    if missing:
        raise SystemExit(f"the bake did not say {missing}:\n{said[-4000:]}")
    return seconds


def make_base(number: int) -> float:
    """Makes the base image as on a machine without one; under another name, as hosts here are made from this one's."""
    role = COPY / "roles" / "provider_podman"
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    packages = sorted(defaults["provider_podman_packages"])
    recipe = [defaults["provider_podman_suite"], defaults["provider_podman_mirror"]]
    # One of them said again is the same image by another name.
    recipe += [
        ",".join(packages + packages[:1] * (number + 1)),
        ",".join(defaults["provider_podman_prefetched_packages"]),
    ]
    command = [str(role / "files" / "build-base"), *recipe]
    began = time.monotonic()
    word, name, _ = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds = time.monotonic() - began
    podman("rmi", name)
    if word != "built":
        raise SystemExit(f"a run that was killed had left {name}, which is removed now: run it again")
    return seconds


def measure(runs: int, keep: bool) -> dict[str, list[float]]:
    """The seconds of every run by what was done."""
    begin_inventory(INVENTORY)
    copy_checkout()
    seconds: dict[str, list[float]] = {"base": [], "service": [], "changed": [], "no-op": []}
    try:
        play("lab", **LAB)
        play("provision")
        play("artifacts", service=SERVICE)
        for version in VERSIONS:
            play("rollout", service=SERVICE, version=version)
        for number in range(runs):
            forget_images()
            seconds["base"].append(make_base(number))
            seconds["service"].append(bake("there is no good image of it yet"))
            change_template(number)
            seconds["changed"].append(bake(f"{TEMPLATE} is changed"))
            seconds["no-op"].append(bake("nothing that goes into it has changed"))
            print({name: round(all_[-1], 1) for name, all_ in seconds.items()}, flush=True)
    finally:
        if not keep:
            play("lab_down", **LAB)
    return seconds


def summary(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and how they stand to the limits."""
    median = {name: round(statistics.median(all_), 2) for name, all_ in seconds.items()}
    ratio = round(median["changed"] / (median["base"] + median["service"]), 2)
    return {
        "median_seconds": median,
        "changed_to_cold": {"ratio": ratio, "limit": CHANGED_LIMIT, "ok": ratio <= CHANGED_LIMIT},
        "changed_to_service": {"ratio": round(median["changed"] / median["service"], 2)},
        "no_op": {"seconds": median["no-op"], "limit": NO_OP_LIMIT, "ok": median["no-op"] <= NO_OP_LIMIT},
    }


def show(report: dict[str, Any]) -> None:
    facts, median = report["machine"], report["median_seconds"]
    print(f"\na bake of {SERVICE} with {len(VERSIONS)} releases, median of {report['runs']} runs")
    print(shown(facts))
    judged, beside = report["changed_to_cold"], report["changed_to_service"]
    word = "ok" if judged["ok"] else "MISSED"
    print(f"{'one changed template':32}{median['changed']:8.2f} s")
    cold = f"{median['base'] + median['service']:8.2f} s, to which it is {judged['ratio']:.2f}"
    print(f"{'cold, base image too':32}{cold}; limit {judged['limit']:.2f}  {word}")
    print(f"{'the service alone, base there':32}{median['service']:8.2f} s, to which it is {beside['ratio']:.2f}")
    judged = report["no_op"]
    word = "ok" if judged["ok"] else "MISSED"
    print(f"{'nothing changed':32}{judged['seconds']:8.2f} s, limit {judged['limit']:.2f}  {word}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Bakes: cold, after one changed template, and of nothing new")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the lab")
    given = parser.parse_args()
    facts = machine()
    seconds = measure(given.runs, given.keep)
    report = {"runs": given.runs, "machine": facts, **summary(seconds), "seconds": seconds}
    (BUILD / "bake.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    show(report)
    return 0 if all(part["ok"] for part in report.values() if isinstance(part, dict) and "ok" in part) else 1


if __name__ == "__main__":
    sys.exit(main())
