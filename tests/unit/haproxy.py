# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small fleet on loopback: real HAProxy processes with the role's own configuration, and members that are threads."""

from __future__ import annotations

import collections
import http.client
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jinja2
import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool import engine, pools
from ansible_collections.golden.fleet.plugins.module_utils._pool.haproxy import Runtime

_ROOT = pathlib.Path(__file__).parents[2]
_TEMPLATE = _ROOT / "roles" / "balancer" / "templates" / "haproxy.cfg.j2"
_DEFAULTS = {
    "ansible_managed": "a test",
    "balancer_operations_addresses": ["127.0.0.0/8"],
    "balancer_http_port": 80,
    "balancer_connect_timeout_seconds": 1,
    "balancer_client_timeout_seconds": 30,
    "balancer_server_timeout_seconds": 30,
    "balancer_request_timeout_seconds": 10,
    "balancer_keep_alive_seconds": 10,
    "balancer_queue_timeout_seconds": 10,
    "balancer_tunnel_timeout_seconds": 60,
    "balancer_check_timeout_seconds": 2,
    "balancer_silence_seconds": 5,
    "balancer_hard_stop_after_seconds": 60,
    "balancer_maxconn": 1000,
    "balancer_log_level": "notice",
}


def wait_for(what: str, happened: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What ``happened`` returns once that is true; the test fails where it doesn't become so."""
    deadline = time.monotonic() + seconds
    while True:
        seen = happened()
        if seen:
            return seen
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


class Member:
    """A member of the service. ``healthy`` is what its health says; ``/hold`` answers once ``let_go`` is set."""

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name, self.address, self.port = name, address, port
        self.healthy = True
        self.let_go = threading.Event()
        self.holding = threading.Semaphore(0)
        self._server = _Server((address, port), _Handler)
        self._server.member = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def handle_error(self, *_args: Any) -> None:
        """A client that has gone is none of the test's business."""

    member: Member


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One write, as HAProxy closes once it has seen the status of a check.
    server: _Server

    def do_GET(self) -> None:
        member = self.server.member
        if self.path == "/hold":
            member.holding.release()
            member.let_go.wait(30)
        status = 503 if self.path == "/health" and not member.healthy else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(member.name)))
        self.end_headers()
        self.wfile.write(member.name.encode())

    def log_message(self, *_args: Any) -> None:
        pass


class HAProxy:
    """One balancer: a HAProxy of its own with its folder, which also stands for the host."""

    def __init__(self, name: str, folder: pathlib.Path, address: str, http_port: int) -> None:
        self.name, self.folder, self.address, self.http_port = name, folder, address, http_port
        folder.mkdir()
        self.config = folder / "haproxy.cfg"
        self.places = {
            "state_dir": str(folder),
            "socket": str(folder / "admin.sock"),
            "master_socket": str(folder / "master.sock"),
            "config": str(self.config),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.places["socket"], self.places["master_socket"], 3)

    def configure(self, services: list[dict[str, Any]], **changed: Any) -> None:
        variables = {
            **_DEFAULTS,
            "__balancer_socket": self.places["socket"],
            "balancer_state_dir": str(self.folder),
            "balancer_address": self.address,
            "balancer_http_port": self.http_port,
            "balancer_services": services,
            **changed,
        }
        # As ansible.builtin.template has it.
        environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701  # no HTML
        self.config.write_text(environment.from_string(_TEMPLATE.read_text()).render(variables) + "\n")
        subprocess.run(["haproxy", "-c", "-q", "-f", self.config], check=True)

    def start(self) -> None:
        command = ["haproxy", "-W", "-S", self.places["master_socket"], "-f", str(self.config)]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.runtime.ask("show info")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As kill -9 of all of it, or a power cut."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def reload(self) -> None:
        pools.reload(self.runtime, str(self.folder), self.pid, str(self.config))

    def record(self, service: str = "shop") -> dict[str, Any]:
        return json.loads((self.folder / f"{service}.json").read_text())

    def line(self, service: str = "shop") -> dict[str, Any]:
        """Who waits to be taken out."""
        file = self.folder / f"{service}.line"
        return json.loads(file.read_text()) if file.exists() else {}

    def journal(self, service: str = "shop") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{service}.journal.jsonl").read_text().splitlines()]

    def get(self, path: str = "/", port: int = 0, host: str = "shop.test") -> tuple[int, str, dict[str, str]]:
        """One request: status, body, headers."""
        connection = http.client.HTTPConnection(self.address, port or self.http_port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, response.read().decode(), headers
        finally:
            connection.close()


class Fleet:
    """Balancers and three members of the service ``shop``, all of them in neither pool to begin with."""

    def __init__(self, folder: pathlib.Path, balancers: Sequence[str] = ("lb1", "lb2")) -> None:
        net = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"  # noqa: S311  # no secret
        port = _free_port(f"{net}.1")
        self.http_port, self.maintenance_port = port + 1, port + 10
        self.members = {f"web{n}": Member(f"web{n}", f"{net}.{n}", port) for n in range(1, 4)}
        self.balancers = {
            name: HAProxy(name, folder / name, f"{net}.20{n}", self.http_port) for n, name in enumerate(balancers)
        }
        self.contract: dict[str, Any] = {
            "service": "shop",
            "summary": "a shop",
            "listen": {"port": port, "preview_port": 0},
            "health": {"path": "/health", "status": 200},
            "pool": {
                "domain": "shop.test",
                "maintenance_port": self.maintenance_port,
                "balance": "roundrobin",
                "check_seconds": 0.2,
            },
        }

    def start(self) -> None:
        for balancer in self.balancers.values():
            balancer.configure(self.services())
            balancer.start()

    def services(self, *, without: str = "", **more: str) -> list[dict[str, Any]]:
        members = [{"name": m.name, "address": m.address} for m in self.members.values() if m.name != without]
        return [
            {
                "contract": self.contract,
                "members": members + [{"name": name, "address": address} for name, address in more.items()],
            }
        ]

    def variables(self, **more: Any) -> dict[str, dict[str, Any]]:
        """What an inventory says of each balancer for the real Ansible to reach it on this machine."""
        return {
            name: {
                "ansible_connection": "local",
                "ansible_become": False,
                "ansible_python_interpreter": sys.executable,
                "fleet_state_dir": balancer.places["state_dir"],
                "fleet_haproxy_socket": balancer.places["socket"],
                "fleet_haproxy_master_socket": balancer.places["master_socket"],
                "fleet_haproxy_config": balancer.places["config"],
                **more,
            }
            for name, balancer in self.balancers.items()
        }

    def call(self, balancer: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The engine as it would answer from the balancer's host."""
        given = {**self.balancers[balancer].places, "patience_seconds": 3, "service": "shop", **params}
        return json.loads(json.dumps(engine.main(json.loads(json.dumps(given)))))

    def on(self, op: str, balancer: str = "lb1", **params: Any) -> dict[str, Any]:
        return self.call(balancer, {"op": op, **params})

    def pools(self, balancer: str = "lb1") -> dict[str, str]:
        return {name: seen["pool"] for name, seen in self.on("info", balancer)["members"].items()}

    def holder(self) -> Member | None:
        """A member that has begun to hold a request."""
        return next((member for member in self.members.values() if member.holding.acquire(blocking=False)), None)

    def open(self) -> None:
        """Brings all members online, as an earlier rollout would have; no lock or lease is left."""
        for balancer in self.balancers.values():
            for name in self.members:
                balancer.runtime.tell(f"set server shop/{name} state ready")
            record = {"number": 0, "lock": None, "leases": {}, "members": dict.fromkeys(self.members, "online")}
            (balancer.folder / "shop.json").write_text(json.dumps(record))
        for balancer in self.balancers.values():
            wait_for("all are healthy", lambda: _all_healthy(balancer))  # noqa: B023  # waited for within the loop
            pools.save(balancer.runtime, str(balancer.folder), str(balancer.config))

    def stop(self) -> None:
        for balancer in self.balancers.values():
            balancer.stop()
        for member in self.members.values():
            member.stop()


def _all_healthy(balancer: HAProxy) -> bool:
    return all(server.healthy for server in balancer.runtime.servers("shop").values())


def fleet_fixture(*balancers: str) -> Iterator[Fleet]:
    """The body of a fixture; each file makes its own of it, as far apart as they are."""
    if shutil.which("haproxy") is None or os.geteuid() != 0:
        assert "CI" not in os.environ, "CI must have haproxy, and run as root"
        pytest.skip("needs haproxy, and root as its configuration changes the user")
    # A socket's path has 107 characters at most, which pytest's own folders exceed.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fleet"))
    folder.chmod(0o755)
    fleet = Fleet(folder, balancers)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.stop()
        shutil.rmtree(folder)


def _free_port(address: str) -> int:
    """The first of some ports that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        if port < 65000:
            return port


class Load:
    """Requests without pause over connections that are kept, while the block runs. Counts every one that failed."""

    def __init__(self, balancer: HAProxy, clients: int = 6, path: str = "/") -> None:
        self._balancer, self._path = balancer, path
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]
        self.answers: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        wait_for("a first answer", lambda: self.answers or self.failures)
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._enough.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(self._balancer.address, self._balancer.http_port, timeout=10)
            try:
                connection.request("GET", self._path, headers={"Host": "shop.test"})
                response = connection.getresponse()
                body = response.read().decode()
                if response.status != 200:
                    self.failures.append(f"{response.status} {body}")
                self.answers[body] += 1
                if response.getheader("Connection") == "close":
                    connection = None
            except (http.client.HTTPException, OSError) as error:
                self.failures.append(repr(error))
                connection = None
