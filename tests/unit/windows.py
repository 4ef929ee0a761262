# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests of releases on an emulated Windows host share: a service that really runs, a store of its artifacts."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._release.params import checked
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import ModuleError, OverdueError
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_releases import WindowsReleases

from tests.winlab import Host
from tests.winlab.tests.direct import run

ROOT = "C:\\srv\\shop"
KEY = "HKLM:\\SOFTWARE\\golden.fleet"
WINDOWS = {"root": ROOT, "service": "shop", "executable": "shop.exe"}
SERVICE_KEY = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\shop"


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


class Store:
    """A folder that a web server serves."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address

    def artifact(
        self, version: str, program: str = "answers: {/version: [200, VERSION]}", **files: str
    ) -> dict[str, Any]:
        """Makes the artifact of a version and returns what a task says of it."""
        path = self.folder / f"shop-{version}.zip"
        text = f"winlab-program\nport: ${{PORT}}\n{program.replace('VERSION', version)}\n"
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in {"shop.exe": text, "wwwroot/index.html": f"<p>{version}</p>", **files}.items():
                packed.writestr(name, content)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"version": version, "url": f"{self.address}/{path.name}", "sha256": sha256}


class Direct:
    """Stands for WindowsModules. ``before`` is called with the name of each module before it runs."""

    host = "win1"

    def __init__(self, machine: Host, check: bool = False, before: Callable[[str], Any] = lambda name: None) -> None:
        self.machine, self.check, self.before = machine, check, before
        self.quiet: list[str] = []

    def _asked(self, module: str, arguments: dict[str, Any], diff: bool = False) -> dict[str, Any]:
        short = module.rpartition(".")[2]
        self.before(short)
        result = run(self.machine, short, arguments, check=self.check, diff=diff)
        if result.get("failed"):
            raise ModuleError(result["msg"])
        return result

    def run(self, module: str, **arguments: Any) -> dict[str, Any]:
        return self._asked(module, arguments)

    def run_quietly(self, module: str, **arguments: Any) -> dict[str, Any]:
        self.quiet.append(module)
        return self._asked(module, arguments)

    def run_within(self, seconds: float, module: str, **arguments: Any) -> dict[str, Any]:
        ended: list[Any] = []

        def work() -> None:
            try:
                ended.append(self._asked(module, arguments, diff=True))
            except ModuleError as error:
                ended.append(error)

        working = threading.Thread(target=work, daemon=True)
        working.start()
        working.join(max(seconds, 0))
        if not ended:
            raise OverdueError("no answer")
        if isinstance(ended[0], ModuleError):
            raise ended[0]
        return ended[0]

    def command(self, words: list[str], folder: str, timeout_seconds: float) -> None:
        raise AssertionError("no command here")


def changed(
    modules: Direct, windows: dict[str, Any], state: str, artifact: dict[str, Any], **given: Any
) -> dict[str, Any]:
    """Brings a release to a state; returns what the task would be told."""
    about = {"root": "/srv/shop", "state": state, "retries": 0, "check_mode": modules.check}
    return WindowsReleases(modules, windows).change(checked({**about, **artifact, **given}))  # type: ignore[arg-type]


def store_fixture(folder: Path, address: str = "127.0.0.1") -> Iterator[Store]:
    """The body of a fixture. A host with an address of its own takes 127.0.0.1 for itself, so it needs another one."""
    handler = functools.partial(_QuietHandler, directory=folder)
    server = http.server.ThreadingHTTPServer((address, 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield Store(folder, f"http://{address}:{server.server_address[1]}")
    server.shutdown()
    server.server_close()


def make_ready(host: Host, port: int) -> None:
    """As a runtime role leaves it: a service without a release."""
    host.clear_hazards()
    run(host, "win_service", {"name": "shop", "state": "absent"})
    run(host, "win_file", {"path": ROOT, "state": "absent"})
    run(host, "win_regedit", {"path": KEY, "state": "absent", "delete_key": True})
    run(host, "win_service", {"name": "shop", "path": f"{ROOT}\\none.exe", "start_mode": "auto"})
    environment = {"name": "Environment", "type": "multistring", "data": [f"PORT={port}"]}
    run(host, "win_regedit", {"path": SERVICE_KEY, **environment})


def make_site(host: Host, port: int) -> None:
    """As a runtime role leaves it: a site without a release."""
    run(host, "win_feature", {"name": ["Web-Server"], "state": "present"})
    run(host, "web_app_pool", {"name": "shop", "state": "started"})
    run(host, "win_file", {"path": "C:\\empty", "state": "directory"})
    bindings = {"set": [{"ip": "*", "port": port, "protocol": "http"}]}
    site = {"name": "shop", "physical_path": "C:\\empty", "application_pool": "shop", "bindings": bindings}
    made = run(host, "website", site)
    assert not made.get("failed"), made


def folders(host: Host) -> list[str]:
    place = host.disk.real(f"{ROOT}\\releases")
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def modules_since(host: Host, count: int) -> list[str]:
    return [entry.name.rpartition(".")[2] for entry in host.log.modules()[count:]]


def state_of(info: dict[str, Any]) -> dict[str, str]:
    return {one["version"]: one["state"] for one in info["releases"]}
