# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures and markers. A conftest.py takes them with ``pytest_plugins = ["tests.winlab.pytest_plugin"]``.

Tests that ask for ``windows_host`` get inventory variables and nothing else, and assert through Ansible: with
``WINLAB_REAL_INVENTORY`` naming an inventory file they run against its first host in the group ``windows``. Tests of
the emulator's own insides are marked ``emulator_only`` and are skipped then. Those that reboot a real host are marked
``destructive`` and run only where ``WINLAB_DESTRUCTIVE`` is set as well.
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
from .engines.wine import Wine
from .host import Host
from .lab import Lab, Scheme

_REAL = "WINLAB_REAL_INVENTORY"
_MISSING = {"mono": Mono.missing(), "wine": Wine.missing()}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "emulator_only: looks into the emulator; skipped against a real Windows host")
    config.addinivalue_line("markers", "destructive: reboots a real host; only when asked for")
    for name in _MISSING:
        config.addinivalue_line("markers", f"{name}: really runs a .NET program; skipped where {name} is missing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    real = os.environ.get(_REAL)
    for item in items:
        if real and item.get_closest_marker("emulator_only"):
            item.add_marker(pytest.mark.skip(reason="a test of the emulator, and the host is real"))
        if item.get_closest_marker("destructive") and not (real and os.environ.get("WINLAB_DESTRUCTIVE")):
            item.add_marker(pytest.mark.skip(reason="reboots a real host; WINLAB_DESTRUCTIVE=1 allows it"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, why in _MISSING.items():
        if item.get_closest_marker(name):
            skip_where_missing(why)


def skip_where_missing(why: str | None) -> None:
    """Skips the test where something isn't installed, for that reason; in CI, which must have all, it fails."""
    if why and "CI" in os.environ:
        pytest.fail(f"CI must have what this test needs: {why}", pytrace=False)
    if why:
        pytest.skip(why)


@dataclass(frozen=True)
class Done:
    """What Ansible told."""

    rc: int
    results: dict[str, dict[str, Any]]  # of the last task, by host
    counts: dict[str, dict[str, int]]  # the recap, by host
    output: str

    @property
    def result(self) -> dict[str, Any]:
        """Where there is one host."""
        return next(iter(self.results.values()), {})

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))


Ansible = Callable[..., Done]


@pytest.fixture(scope="session")
def windows_labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Scheme], Lab]]:
    """Two emulated hosts by HTTP and two by HTTPS, for a whole worker of pytest; made when they are asked for."""
    labs: dict[Scheme, Lab] = {}

    def of(scheme: Scheme) -> Lab:
        if scheme not in labs:
            labs[scheme] = Lab(2, scheme=scheme, folder=tmp_path_factory.mktemp(f"winlab-{scheme}")).start()
        return labs[scheme]

    yield of
    for lab in labs.values():
        lab.stop()


@pytest.fixture
def windows_host(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Variables that reach a Windows host: an emulated one by psrp and HTTP with message encryption, or the user's."""
    real = os.environ.get(_REAL)
    if real:
        return _real_host(real)
    lab: Lab = request.getfixturevalue("windows_labs")("http")
    return lab.variables(lab.hosts[0])


@pytest.fixture
def windows_hosts(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """One for each way in: winrm with NTLM, psrp with Negotiate, over HTTP and HTTPS. A real host has but one way."""
    real = os.environ.get(_REAL)
    if real:
        return {"real": _real_host(real)}
    found = {}
    for scheme in ("http", "https"):
        lab: Lab = request.getfixturevalue("windows_labs")(scheme)
        found[f"psrp-{scheme}"] = lab.variables(lab.hosts[0], "psrp")
        found[f"winrm-{scheme}"] = lab.variables(lab.hosts[1], "winrm")
    return found


def _real_host(inventory: str) -> dict[str, Any]:
    command = [*_program("ansible-inventory"), "-i", inventory, "--list"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    name = told["windows"]["hosts"][0]
    return {"ansible_host": name, **told["_meta"]["hostvars"].get(name, {})}


@pytest.fixture
def windows_machine(windows_labs: Callable[[Scheme], Lab]) -> Iterator[Host]:
    """The emulated host behind the default ``windows_host``, for what is marked ``emulator_only``."""
    host = windows_labs("http").hosts[0]
    yield host
    host.clear_hazards()


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    """Runs one module through the real ``ansible`` command: ``ansible(variables, "win_ping", {...})``."""

    def run(variables: dict[str, Any], module: str, arguments: dict[str, Any] | None = None, *more: str) -> Done:
        return run_module(tmp_path, variables, module, arguments or {}, *more)

    return run


@pytest.fixture
def ansible_playbook(tmp_path: Path) -> Ansible:
    """Runs a playbook for ``windows``: ``ansible_playbook({name: variables}, Path("play.yml"), "--check")``."""

    def run(hosts: dict[str, dict[str, Any]], playbook: Path, *more: str) -> Done:
        return run_play(tmp_path, hosts, playbook, *more)

    return run


def _program(name: str) -> list[str]:
    """Of the environment that the tests run in."""
    return [str(Path(sys.executable).with_name(name))]


def run_module(folder: Path, variables: dict[str, Any], module: str, arguments: dict[str, Any], *more: str) -> Done:
    name = module if "." in module else f"ansible.windows.{module}"
    given = ["-a", json.dumps(arguments)] if arguments else []
    return _run(folder, {"windows1": variables}, ["ansible", "windows", "-m", name, *given, *more])


def run_everywhere(folder: Path, hosts: dict[str, dict[str, Any]], module: str) -> Done:
    """A module without arguments, on several hosts at once."""
    return _run(folder, hosts, ["ansible", "windows", "-m", f"ansible.windows.{module}"])


def run_play(folder: Path, hosts: dict[str, dict[str, Any]], playbook: Path, *more: str) -> Done:
    """The play's hosts are ``windows``."""
    return _run(folder, hosts, ["ansible-playbook", str(playbook), *more])


def _run(folder: Path, hosts: dict[str, dict[str, Any]], command: list[str]) -> Done:
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"windows": {"hosts": hosts}}))
    environment = {
        **os.environ,
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [*_program(command[0]), *command[1:], "-i", str(inventory)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=180, check=False)
    return Done(done.returncode, *_told(done.stdout), done.stdout + done.stderr)


def _told(output: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The last task's results, and the recap: numbers by host."""
    try:
        told = json.loads(output[output.index("{") :])
    except ValueError:
        return {}, {}
    tasks = told["plays"][-1]["tasks"] if told["plays"] else []
    return tasks[-1]["hosts"] if tasks else {}, told["stats"]
