# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A .NET Framework service that is built here, really runs behind the service manager, and is tested by NUnit."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.winlab import Lab
from tests.winlab.pytest_plugin import run_play

from .direct import run

pytestmark = [pytest.mark.emulator_only, pytest.mark.mono]

_HERE = Path(__file__).parent
_PLAY = _HERE / "mono.yml"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service in two versions."""
    folder = tmp_path_factory.mktemp("built")
    source = (_HERE / "files" / "Shop.cs").read_text()
    for version in ("1.0.0", "1.1.0"):
        (folder / version).mkdir()
        (folder / f"{version}.cs").write_text(source.replace("0.0.0", version))
        command = ["mcs", "-nologo", f"-out:{folder / version / 'Shop.exe'}", str(folder / f"{version}.cs")]
        subprocess.run(command, check=True, timeout=60)
    return folder


def test_a_service_is_deployed_switched_and_stopped(built: Path, tmp_path: Path) -> None:
    """All through Ansible: copied, started, asked for its version, switched to the next by its path, removed."""
    with Lab(1, folder=tmp_path / "lab", connection="winrm") as lab:
        hosts: dict[str, dict[str, Any]] = {"windows1": {**lab.variables(lab.hosts[0]), "built": str(built)}}
        done = run_play(tmp_path, hosts, _PLAY)
        assert done.rc == 0, done.output
        assert lab.hosts[0].not_emulated == []


def test_a_process_that_dies_is_a_service_that_has_stopped(built: Path, tmp_path: Path) -> None:
    with Lab(1, folder=tmp_path / "lab") as lab:
        host = lab.hosts[0]
        host.disk.make_folder("C:\\shop")
        host.disk.write("C:\\shop\\Shop.exe", (built / "1.0.0" / "Shop.exe").read_bytes())
        told = run(host, "win_service", {"name": "shop", "path": "C:\\shop\\Shop.exe 0", "state": "started"})
        assert not told.get("failed"), told["msg"]
        service = host.services.find("shop")
        assert service is not None
        assert service.process is not None
        subprocess.run(["kill", "-9", str(service.process.pid)], check=True)
        ended = time.monotonic() + 5
        while service.process and service.process.alive and time.monotonic() < ended:
            time.sleep(0.05)
        assert run(host, "win_service_info", {"name": "shop"})["services"][0]["state"] == "stopped"
        died = run(host, "win_service", {"name": "bad", "path": "C:\\shop\\Shop.exe die", "state": "started"})
        assert "ended at once with exit code 3" in died["msg"]
