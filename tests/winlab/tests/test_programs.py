# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A .NET service that is built here and really runs: on Mono, and on Windows' own .NET by Wine's service manager."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.winlab import Host, Lab
from tests.winlab.engines.wine.service_manager import RUNTIME
from tests.winlab.errors import WindowsError
from tests.winlab.pytest_plugin import run_play

from .direct import run

pytestmark = pytest.mark.emulator_only

_HERE = Path(__file__).parent
_PLAY = _HERE / "program.yml"
_EXECUTABLE = "C:\\shop\\Shop.exe"


@dataclass(frozen=True)
class Built:
    """The service in two versions, each in a folder of its name, and what it says that it runs on."""

    folder: Path
    system: str


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("mono", "wine")]
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp(request.param)
    source = (_HERE / "files" / "Shop.cs").read_text()
    sources = tmp_path_factory.mktemp("sources")
    for version in ("1.0.0", "1.1.0"):
        out = folder / version / "Shop.exe"
        out.parent.mkdir()
        named = sources / f"{version}.cs"
        named.write_text(source.replace("0.0.0", version))
        subprocess.run(
            ["mcs", "-nologo", f"-out:{out}", str(named), str(_HERE / "files" / "WindowsService.cs")],
            check=True,
            timeout=60,
        )
        if request.param == "wine":
            out.with_suffix(".runtimeconfig.json").write_text(RUNTIME)
    return Built(folder, "Unix" if request.param == "mono" else "Microsoft Windows NT 10.0")


@pytest.fixture(scope="module")
def lab(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with Lab(1, folder=folder, connection="winrm") as made:
        yield made
    assert _processes(str(folder)) == [], "something of it runs on"


def test_a_service_is_deployed_switched_and_stopped(built: Built, lab: Lab, tmp_path: Path) -> None:
    """All through Ansible: copied, started, asked for its version, switched to the next by its path, removed."""
    given = {"built": str(built.folder), "system": built.system}
    hosts: dict[str, dict[str, Any]] = {"windows1": {**lab.variables(lab.hosts[0]), **given}}
    done = run_play(tmp_path, hosts, _PLAY)
    assert done.rc == 0, done.output
    assert lab.hosts[0].not_emulated == []


@pytest.fixture
def host(built: Built, lab: Lab) -> Iterator[Host]:
    """With the first version on it, and no service."""
    host = lab.hosts[0]
    host.disk.make_folder("C:\\shop")
    for file in (built.folder / "1.0.0").iterdir():
        host.disk.write(f"C:\\shop\\{file.name}", file.read_bytes())
    yield host
    run(host, "win_service", {"name": "shop", "state": "absent"})


def test_a_process_that_dies_is_a_service_that_has_stopped(host: Host) -> None:
    port = _port()
    told = run(host, "win_service", {"name": "shop", "path": f"{_EXECUTABLE} {port}", "state": "started"})
    assert not told.get("failed"), told["msg"]
    found = _processes(f"Shop.exe {port}")
    assert found
    for process in found:
        os.kill(process, signal.SIGKILL)
    _wait(lambda: _state(host, "shop") == "stopped", "nobody saw that it had died")
    again = run(host, "win_service", {"name": "shop", "state": "started"})
    assert not again.get("failed"), again["msg"]
    host.power_off()
    _wait(lambda: not _processes(f"Shop.exe {port}"), "it runs on without power")
    host.power_on()
    assert _state(host, "shop") == "started"


def test_wines_service_manager_does_not_start_what_runs(host: Host, built: Built) -> None:
    if "Windows" not in built.system:
        pytest.skip("Mono has no service manager")
    told = run(host, "win_service", {"name": "shop", "path": f"{_EXECUTABLE} {_port()}", "state": "started"})
    assert not told.get("failed"), told["msg"]
    with pytest.raises(WindowsError, match="1056"):
        host.engines.start("shop", _EXECUTABLE, str(_port()), {})


def test_it_starts_anew_while_what_ran_before_is_still_ending(host: Host) -> None:
    for port in (_port(), _port() + 2000):
        path = f"{_EXECUTABLE} {port} linger"
        told = run(host, "win_service", {"name": "shop", "path": path, "state": "restarted"})
        assert not told.get("failed"), told["msg"]


def test_what_dies_at_its_start_is_not_started(host: Host) -> None:
    died = run(host, "win_service", {"name": "shop", "path": f"{_EXECUTABLE} die", "state": "started"})
    assert "cannot be started" in died["msg"]
    assert _state(host, "shop") == "stopped"


def test_a_program_is_run_to_its_end(host: Host) -> None:
    said = run(host, "win_command", {"_raw_params": f"{_EXECUTABLE} die"})
    assert said["rc"] == 3


def _wait(reached: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)


def _port() -> int:
    """Each worker of pytest has its own."""
    return 30000 + os.getpid() % 2000


def _state(host: Host, name: str) -> str:
    return run(host, "win_service_info", {"name": name})["services"][0]["state"]


def _processes(text: str) -> list[int]:
    """Of this machine, by their command lines."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            line = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").replace('"', "")
            if text in line:
                found.append(int(process.name))
    return found
