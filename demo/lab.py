# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment that is measured: its hosts and how they are reached, its services and their floors.

Read through ``ansible-inventory --list``, as an operator's own tools would read it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from demo.records import Target

# Plain Python, as it runs on balancers too: no Ansible comes with it.
from plugins.module_utils._pool.rules import count_of

CHECKOUT = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """The inventory or a contract can't be read, or a host of it can't be asked."""


def tool(name: str) -> str:
    """The path of a command line tool: beside this Python, where the checkout's environment has it, or on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise LabError(f"{name} is neither beside {sys.executable} nor on PATH")
    return found


@dataclass(frozen=True)
class Host:
    """A host of the inventory, reached over SSH as Ansible reaches it, but over a connection of its own."""

    name: str
    variables: Mapping[str, Any] = field(repr=False)

    @property
    def address(self) -> str:
        return str(self.variables.get("ansible_host", self.name))

    def command(self, *command: str) -> list[str]:
        """The local command line that runs ``command`` on the host, as root."""
        if self.variables.get("ansible_become", True):
            command = ("sudo", "-n", *command)
        if self.variables.get("ansible_connection") == "local":
            return list(command)
        options = ["-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ConnectTimeout=5"]
        options += ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]
        for key in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
            options += shlex.split(str(self.variables.get(key, "")))
        for key, flag in (("ansible_ssh_private_key_file", "-i"), ("ansible_private_key_file", "-i"),
                          ("ansible_port", "-p"), ("ansible_user", "-l")):  # fmt: skip
            if self.variables.get(key):
                options += [flag, str(self.variables[key])]
        return ["ssh", *options, self.address, shlex.join(command)]

    def read(self, *paths: str) -> str:
        """The text of files on the host, one after the other; none where there is no such file."""
        script = 'for file; do test ! -e "$file" || cat "$file"; done'
        command = self.command("sh", "-c", script, "sh", *paths)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)  # noqa: S603
        if done.returncode != 0:
            raise LabError(f"{self.name}: {paths} can't be read: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()


@dataclass(frozen=True)
class Service:
    """What a customer and an observer need of a service's contract."""

    name: str
    contract: Mapping[str, Any] = field(repr=False)
    members: tuple[str, ...]

    @property
    def versions(self) -> list[str]:
        """Those that the artifacts are built of, the oldest first."""
        return [str(version) for version in self.contract["artifact"]["versions"]]

    @property
    def floor(self) -> int:
        return count_of(self.contract["pool"].get("floor", "50%"), len(self.members), up=True)

    def target(self, weight: int = 1) -> Target:
        """The request that customers make: the one that names the version."""
        health = self.contract["health"]
        kinds = ("json", "header", "pattern")
        version = {kind: str(health[f"version_{kind}"]) for kind in kinds if f"version_{kind}" in health}
        domain = str(self.contract["pool"]["domain"])
        return Target(self.name, domain, str(health.get("path", "/")), version, weight)


@dataclass(frozen=True)
class Lab:
    """An environment: one inventory."""

    inventory: Path
    listing: Mapping[str, Any] = field(repr=False)
    roles: Path = CHECKOUT / "roles"

    @classmethod
    def read(cls, inventory: Path) -> Lab:
        command = [tool("ansible-inventory"), "-i", str(inventory), "--list"]
        env = {**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        if done.returncode != 0:
            raise LabError(f"{inventory}: {done.stderr.strip()}")
        return cls(inventory, json.loads(done.stdout))

    def group(self, name: str) -> list[Host]:
        """The group's hosts in its order; none where there is no such group."""
        group = self.listing.get(name, {})
        names = list(group.get("hosts", []))
        for child in group.get("children", []):
            names += [host.name for host in self.group(child) if host.name not in names]
        return [Host(name, self._variables(name)) for name in names]

    @property
    def balancers(self) -> list[Host]:
        return self.group("balancers")

    @cached_property
    def services(self) -> dict[str, Service]:
        """Those of the inventory's groups whose role folder holds a contract."""
        found = {}
        for name in sorted(self.listing):
            file = self.roles / name / "contract.yml"
            if file.is_file() and (members := self.group(name)):
                contract = yaml.safe_load(file.read_text(encoding="utf-8"))
                own = members[0].variables.get(f"{name}_contract", {})
                found[name] = Service(name, _laid_over(contract, own), tuple(host.name for host in members))
        return found

    def variable(self, name: str, default: str = "") -> str:
        """A variable that all balancers share."""
        return str(self.balancers[0].variables.get(name, default)) if self.balancers else default

    def _variables(self, host: str) -> dict[str, Any]:
        """A host's variables; the one template that connection variables of an inventory usually hold is filled in."""
        folder = str((self.inventory if self.inventory.is_dir() else self.inventory.parent).resolve())
        given = self.listing.get("_meta", {}).get("hostvars", {}).get(host, {})
        return {
            key: value.replace("{{ inventory_dir }}", folder) if isinstance(value, str) else value
            for key, value in given.items()
        }


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, folder by folder, as an environment overrides a contract."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _laid_over(old, value) if both else value  # type: ignore[arg-type]
    return merged
