# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The example service for Linux and Windows members: compiled, run by Mono, and held against its own NUnit suite."""

from __future__ import annotations

import glob
import http.client
import os
import pathlib
import runpy
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _gates_results

from tests.winlab.pytest_plugin import skip_where_missing

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
ROLE = CHECKOUT / "roles" / "orders"
PROGRAMS = ("mono", "mcs", "nunit-console")


@pytest.fixture(autouse=True)
def programs():
    framework = runpy.run_path(str(ROLE / "tests" / "suite.py"))["FRAMEWORK"]
    missing = [name for name in PROGRAMS if shutil.which(name) is None] + ([] if glob.glob(framework) else [framework])
    skip_where_missing(missing and f"not installed: {', '.join(missing)}; tools/setup --lab does")


def build(version, out):
    out.mkdir()
    environment = {**os.environ, "RELEASE_VERSION": version, "RELEASE_OUT": str(out)}
    recipe = [sys.executable, str(ROLE / "artifact" / "build.py")]
    return subprocess.run(recipe, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def serve(tmp_path):
    """Builds a version and runs it; gives the port."""
    running = []

    def run(version):
        done = build(version, tmp_path / version)
        assert done.returncode == 0, done.stderr
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program = str(tmp_path / version / "Orders.exe")
        environment = {**os.environ, "ORDERS_ADDRESS": "127.0.0.1", "WINLAB_ADDRESS": "192.0.2.1"}
        running.append(subprocess.Popen(["mono", program, "--port", str(port)], env=environment))
        until = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < until
            assert running[-1].poll() is None
            time.sleep(0.05)
        return port

    yield run
    for process in running:
        process.terminate()
        assert process.wait(10) == -15


def suite(port, version, results):
    """Runs the suite as the contract says, and reads its results as a gate does."""
    results.mkdir()
    environment = {"PATH": os.environ["PATH"], "FLEET_URL": f"http://127.0.0.1:{port}", "FLEET_VERSION": version}
    command = [sys.executable, "tests/suite.py", str(results)]
    done = subprocess.run(command, cwd=ROLE, env=environment, capture_output=True, text=True, timeout=60, check=False)
    written = (results / "TestResult.xml").read_bytes()
    return done, _gates_results.read("TestResult.xml", written, "nunit")


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_release_passes_its_suite(serve, tmp_path, version):
    done, results = suite(serve(version), version, tmp_path / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (results.tests, results.failures) == (27, [])


def test_the_suite_finds_what_is_broken_and_nothing_else(serve, tmp_path):
    done, results = suite(serve("1.2.0-broken"), "1.2.0-broken", tmp_path / "results")
    assert done.returncode != 0
    assert sorted(failure.name.rpartition("Price.")[2] for failure in results.failures) == [
        "Discount_and_shipping_are_in_it(10,1000,9500)",
        "Discount_and_shipping_are_in_it(10,99999999,949999991)",
        "Discount_and_shipping_are_in_it(100,1000,88000)",
        "Shows_the_discount_from_1_1_on",
    ]


def test_the_suite_finds_another_version(serve, tmp_path):
    done, _ = suite(serve("1.1.0"), "1.0.0", tmp_path / "results")
    assert done.returncode != 0
    assert "Is_the_one_that_was_rolled_out" in done.stdout


def test_the_same_sources_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        assert build("1.0.0", tmp_path / folder).returncode == 0
    assert (tmp_path / "one" / "Orders.exe").read_bytes() == (tmp_path / "two" / "Orders.exe").read_bytes()


def test_what_speaks_to_the_service_manager_is_the_same_in_the_emulator_s_own_test():
    copy = CHECKOUT / "tests" / "winlab" / "tests" / "files" / "WindowsService.cs"
    assert copy.read_bytes() == (ROLE / "artifact" / "WindowsService.cs").read_bytes()


def test_a_version_that_is_none_is_refused(tmp_path):
    done = build("newest", tmp_path / "out")
    assert done.returncode != 0
    assert "orders has versions such as 1.0.0, not newest" in done.stderr


def test_connections_are_kept_and_shared_by_nobody(serve):
    port = serve("1.1.0")
    wrong = []

    def customer():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        sockets = set()
        for number in range(50):
            connection.request("GET", f"/price?article=a{number}&quantity=1&price={number}")
            answer = connection.getresponse().read().decode()
            sockets.add(connection.sock)
            if f'"article": "a{number}"' not in answer:
                wrong.append(answer)
        if len(sockets) != 1:
            wrong.append("the connection was not kept")

    customers = [threading.Thread(target=customer) for _ in range(8)]
    for one in customers:
        one.start()
    for one in customers:
        one.join()
    assert not wrong


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"GET /version HTTP/1.0\r\n\r\n", 200, id="HTTP/1.0, which ends the connection"),
        pytest.param(b"POST /orders HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413, id="a body that is too large"),
        pytest.param(b"POST /orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411, id="a body in chunks"),
        pytest.param(b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n", 200, id="a customer who is done"),
    ],
)
def test_what_ends_a_connection(serve, request_bytes, status):
    with socket.create_connection(("127.0.0.1", serve("1.1.0")), timeout=10) as connection:
        connection.sendall(request_bytes)
        answer = b""
        while data := connection.recv(4096):
            answer += data
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer
