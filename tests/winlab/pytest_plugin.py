# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures and markers. A conftest.py takes them with ``pytest_plugins = ["tests.winlab.pytest_plugin"]``.

Tests that ask for ``windows_host`` get inventory variables and nothing else, and assert through Ansible: with
``WINLAB_REAL_INVENTORY`` naming an inventory file they run against its first host in the group ``windows``. Tests of
the emulator's own insides are marked ``emulator_only`` and are skipped then; those that reboot or install are marked
``destructive`` and run against a real host only where ``WINLAB_DESTRUCTIVE`` is set as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .engines.mono import Mono
from .host import Host
from .lab import Lab

_REAL = "WINLAB_REAL_INVENTORY"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "emulator_only: looks into the emulator; skipped against a real Windows host")
    config.addinivalue_line("markers", "destructive: reboots or installs; against a real host only when asked for")
    config.addinivalue_line(
        "markers", "mono: really runs a .NET Framework program; skipped where Mono is not installed"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    real, missing = os.environ.get(_REAL), Mono.missing()
    for item in items:
        if real and item.get_closest_marker("emulator_only"):
            item.add_marker(pytest.mark.skip(reason="a test of the emulator, and the host is real"))
        if real and item.get_closest_marker("destructive") and not os.environ.get("WINLAB_DESTRUCTIVE"):
            item.add_marker(
                pytest.mark.skip(reason="would change a real host for good; WINLAB_DESTRUCTIVE=1 allows it")
            )
        if missing and item.get_closest_marker("mono"):
            item.add_marker(pytest.mark.skip(reason=missing))


@dataclass(frozen=True)
class Done:
    """What a module told; ``result`` is the task's result."""

    rc: int
    result: dict[str, Any]
    output: str

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))


Ansible = Callable[..., Done]


@pytest.fixture(scope="session")
def windows_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One emulated host for a whole worker of pytest, over HTTP with message encryption."""
    with Lab(1, folder=tmp_path_factory.mktemp("winlab")) as lab:
        yield lab


@pytest.fixture
def windows_host(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Variables that reach a Windows host: an emulated one, or the user's."""
    real = os.environ.get(_REAL)
    if not real:
        lab: Lab = request.getfixturevalue("windows_lab")
        return lab.variables(lab.hosts[0])
    command = [*_program("ansible-inventory"), "-i", real, "--list"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    name = told["windows"]["hosts"][0]
    return {"ansible_host": name, **told["_meta"]["hostvars"].get(name, {})}


@pytest.fixture
def windows_machine(windows_lab: Lab) -> Host:
    """The emulated host itself, for what is marked ``emulator_only``."""
    return windows_lab.hosts[0]


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    """Runs one module through the real ``ansible`` command: ``ansible(variables, "win_ping", {...})``."""

    def run(variables: dict[str, Any], module: str, arguments: dict[str, Any] | None = None, *more: str) -> Done:
        return run_module(tmp_path, variables, module, arguments or {}, *more)

    return run


def _program(name: str) -> list[str]:
    """Of the environment that the tests run in."""
    return [str(Path(sys.executable).with_name(name))]


def run_module(folder: Path, variables: dict[str, Any], module: str, arguments: dict[str, Any], *more: str) -> Done:
    name = module if "." in module else f"ansible.windows.{module}"
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"windows1": variables}}}))
    command = [*_program("ansible"), "windows1", "-i", str(inventory), "-m", name, "-a", json.dumps(arguments), *more]
    environment = {**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    return Done(done.returncode, _result(done.stdout), done.stdout + done.stderr)


def _result(output: str) -> dict[str, Any]:
    try:
        told = json.loads(output[output.index("{") :])
    except ValueError:
        return {}
    tasks = told["plays"][0]["tasks"]
    return tasks[-1]["hosts"].get("windows1", {}) if tasks else {}
