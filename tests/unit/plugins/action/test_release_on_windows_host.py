# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release on a Windows host, told through Ansible alone: on an emulated one, or on the user's own.

With ``WINLAB_REAL_INVENTORY=hosts.yml`` it is carried to the first host of the group ``windows`` there, which must
reach this machine by HTTP and have the .NET Framework 4.7 or later; what it makes there it removes.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import zipfile

import pytest

from tests.winlab.engines.mono import Mono
from tests.winlab.pytest_plugin import skip_where_missing, windows_host, windows_labs  # noqa: F401  # fixtures

RECIPE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "orders" / "artifact" / "build.py"
ROOT, SERVICE = "C:\\srv\\fleet-trial", "fleet-trial"


@pytest.fixture(autouse=True)
def programs():
    skip_where_missing(Mono.missing())


def address_towards(host):
    """This machine's, as the host sees it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((host, 9))
        return way.getsockname()[0]


@pytest.fixture
def store(tmp_path, windows_host):  # noqa: F811
    """The service in two versions, where the host can fetch them: what a task says of each."""
    folder = tmp_path / "store"
    folder.mkdir()
    address = address_towards(windows_host["ansible_host"])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer((address, 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield {version: _packed(folder, version, server.server_address) for version in ("1.0.0", "1.1.0")}
    server.shutdown()
    server.server_close()


def _packed(folder, version, address):
    out = folder / version
    out.mkdir()
    environment = {**os.environ, "RELEASE_VERSION": version, "RELEASE_OUT": str(out)}
    subprocess.run([sys.executable, str(RECIPE)], env=environment, check=True, timeout=60)
    path = folder / f"{version}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(out.iterdir()):
            packed.write(file, file.name)
    shutil.rmtree(out)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"version": version, "url": f"http://{address[0]}:{address[1]}/{path.name}", "sha256": sha256}


@pytest.fixture
def carry(play, windows_host, port):  # noqa: F811
    """Runs tasks on the host; returns what each did."""
    windows = {"root": ROOT, "service": SERVICE, "executable": "Orders.exe", "arguments": ["--port", str(port)]}

    def run(*tasks, arguments=()):
        for task in tasks:
            for name, options in task.items():
                if name.startswith("golden.fleet."):
                    options.update(root="/srv/fleet-trial", windows=windows)
        return play(*tasks, arguments=list(arguments), variables=windows_host)[0]

    yield run
    # Where there was a record beforehand it is another's, whose root is another.
    record = {"path": "HKLM:\\SOFTWARE\\golden.fleet", "name": ROOT, "state": "absent"}
    run(
        {"ansible.windows.win_service": {"name": SERVICE, "state": "absent"}},
        {"ansible.windows.win_file": {"path": ROOT, "state": "absent"}},
        {"ansible.windows.win_regedit": record},
    )


def release(state, artifact):
    return {"golden.fleet.release": {"state": state, **artifact}}


def asked(port):
    """What the service itself says, asked on the host."""
    uri = {"url": f"http://localhost:{port}/version", "return_content": True}
    return {"ansible.windows.win_uri": uri, "retries": 20, "delay": 1}


def test_a_release_goes_all_its_way_and_back(carry, store, port):
    one, two = store["1.0.0"], store["1.1.0"]
    service = {"name": SERVICE, "path": f"{ROOT}\\none.exe", "start_mode": "manual"}
    told = carry(
        {"ansible.windows.win_service": service},
        *[release(state, one) for state in ("staged", "active", "good")],
        asked(port),
        release("good", one),
    )
    assert [task["changed"] for task in told] == [True, True, True, True, False, False], told
    assert told[4]["content"].strip() == '{"version": "1.0.0"}'
    would = carry(release("staged", two), arguments=["--check", "--diff"])
    assert would[0]["changed"]
    *_, forward, there, back, again, info = carry(
        release("staged", two),
        release("active", two),
        asked(port),
        release("active", one),
        asked(port),
        {"golden.fleet.release_info": {}},
    )
    assert (forward["active"], there["content"].strip()) == ("1.1.0", '{"version": "1.1.0"}')
    assert (back["active"], again["content"].strip()) == ("1.0.0", '{"version": "1.0.0"}')
    assert {one["version"]: one["state"] for one in info["releases"]} == {"1.0.0": "good", "1.1.0": "staged"}
