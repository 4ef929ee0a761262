# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The four that are held against each other, each as a command of its own that does one step on all hosts."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.lab import BUILD, CHECKOUT, INVENTORY, PLAYBOOK, PLAYS, inside
from tests.bench.processor import Taken, taken

SIDES = {"stock": "hand-written", "ours": "golden.fleet", "pyinfra": "pyinfra", "fabric": "Fabric"}
FILES, BYTES = 400, 2_000_000
# The checkout's ansible.cfg has as many forks.
PARALLEL = 20
_BASELINES = "tests.bench.baselines"


@dataclass(frozen=True)
class Fleet:
    """The first hosts of the lab, by an inventory of their own."""

    inventory: Path
    content: dict[str, Any]

    @classmethod
    def of(cls, size: int) -> Fleet:
        content = yaml.safe_load((INVENTORY / "hosts.yml").read_text(encoding="utf-8"))["all"]
        for group in content["children"].values():
            group["hosts"] = dict(list(group["hosts"].items())[:size])
        inventory = BUILD / f"first_{size}.yml"
        inventory.write_text(yaml.safe_dump({"all": content}, sort_keys=False), encoding="utf-8")
        return cls(inventory, content)

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        return self.content["children"]["linux"]["hosts"]

    def reached(self) -> dict[str, Any]:
        """How those reach the hosts that don't read Ansible's inventory."""
        shared = self.content["children"]["linux"]["vars"]
        return {
            "addresses": [host["ansible_host"] for host in self.hosts.values()],
            "user": shared["ansible_user"],
            "key": shared["ansible_ssh_private_key_file"],
            "known_hosts": str(BUILD / "lab" / "known_hosts"),
        }


def do(side: str, step: str, fleet: Fleet, told: dict[str, Any]) -> Taken:
    """One step, by a process that finds no connection open from an earlier one; sees that all hosts did it."""
    with tempfile.TemporaryDirectory(prefix="cp") as folder:
        if side in ("stock", "ours"):
            took = taken(_play(side, step, fleet, told), {"ANSIBLE_SSH_CONTROL_PATH_DIR": folder})
        else:
            given = Path(folder) / "given.json"
            given.write_text(json.dumps({**told, **fleet.reached(), "step": step, "parallel": PARALLEL}))
            environment = {"BENCH_GIVEN": str(given), "PYTHONPATH": str(CHECKOUT)}
            took = taken(_command(side), environment)
    if not has(side, told["version"], fleet) or not _uses(side, told["version"], fleet):
        raise SystemExit(f"{side}: not every host has {told['version']} whole and in use")
    return took


def has(side: str, version: str, fleet: Fleet) -> bool:
    """Whether every host has the whole release; seen from this machine, which takes the hosts nothing."""
    folders = inside(f"/srv/{side}/releases/{version}")
    return all(sum(len(files) for _, _, files in os.walk(folders[host])) == FILES for host in fleet.hosts)


def _uses(side: str, version: str, fleet: Fleet) -> bool:
    links = inside(f"/srv/{side}/current")
    return all(os.readlink(links[host]) == f"releases/{version}" for host in fleet.hosts)


def _play(side: str, step: str, fleet: Fleet, told: dict[str, Any]) -> list[str]:
    playbook = str(PLAYS / f"{side}_{step}.yml")
    return [str(PLAYBOOK), "-i", str(fleet.inventory), playbook, "-e", json.dumps(told)]


def _command(side: str) -> list[str]:
    if side == "fabric":
        return [sys.executable, "-m", f"{_BASELINES}.fabric_step"]
    baselines = Path(__file__).parent / "baselines"
    files = [str(baselines / name) for name in ("pyinfra_inventory.py", "pyinfra_step.py")]
    return [str(PLAYBOOK.with_name("pyinfra")), "-y", "--parallel", str(PARALLEL), *files]
