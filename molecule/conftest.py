# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scenarios' tests share: the lab, its customers, and what balancers keep and show."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from demo.lab import Lab
from demo.on_balancer import members
from demo.records import Record, read_records
from demo.report import fetch_admissions, wrong_versions

FILES = Path(__file__).resolve().parent.parent / "build" / "molecule"
STATE = "/var/lib/golden-fleet"
# Runs on a balancer; HAProxy's own word on its servers.
SHOW_STAT = """python3 -c 'import socket
admin = socket.socket(socket.AF_UNIX)
admin.connect("/run/haproxy/admin.sock")
admin.sendall(b"show stat -1 4 -1\\n")
print(admin.makefile().read())'"""


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab.read(FILES / "hosts.yml")


@pytest.fixture(scope="session")
def service() -> str:
    """The service that customers ask for in this scenario."""
    return os.environ.get("SCENARIO_SERVICE", "swagger_ui")


@pytest.fixture
def ask(lab: Lab) -> Callable[..., tuple[int, str | None]]:
    """Asks one host for a service as a customer does: the status, and the version that the answer names."""

    def asked(address: str, service: str, port: int = 80, domain: str | None = None) -> tuple[int, str | None]:
        target = lab.services[service].target()
        connection = http.client.HTTPConnection(address, port, timeout=10)
        try:
            connection.request("GET", target.path, headers={"Host": domain or target.host_header})
            answer = connection.getresponse()
            return answer.status, target.read_version(answer.headers, answer.read())
        finally:
            connection.close()

    return asked


@pytest.fixture
def customers_get(lab: Lab, ask: Callable[..., tuple[int, str | None]]) -> Callable[[str], set[Any]]:
    """The answers to requests through every balancer, enough of them for each member to have given some."""

    def got(service: str) -> set[Any]:
        times = 4 * len(lab.services[service].members)
        return {ask(balancer.address, service) for balancer in lab.balancers for _ in range(times)}

    return got


@pytest.fixture(scope="session")
def seen() -> list[Record]:
    """Every request that customers made while the scenario ran."""
    records = [record for file in sorted(FILES.glob("customers/*.jsonl")) for record in read_records(file)]
    assert len(records) > 100, "hardly anybody asked"
    return records


@pytest.fixture
def unproven(lab: Lab, seen: list[Record]) -> Callable[[str], list[Record]]:
    """The answers that a customer got from a release that had not passed its gates."""
    return lambda service: wrong_versions(seen, fetch_admissions(lab.balancers, [service], STATE))


@pytest.fixture
def kept() -> Callable[[Host, str], dict[str, Any]]:
    """What a balancer keeps of a service: its lock, its leases, its members' pools; nothing before a rollout."""

    def read(host: Host, service: str) -> dict[str, Any]:
        file = host.file(f"{STATE}/{service}.json")
        return json.loads(file.content_string) if file.exists else {}

    return read


@pytest.fixture
def show_stat() -> Callable[[Host], str]:
    """HAProxy's own word on its servers, as CSV."""
    return lambda host: host.check_output(SHOW_STAT)


@pytest.fixture
def online(show_stat: Callable[[Host], str]) -> Callable[[Host, str], list[str]]:
    """The members that HAProxy itself gives customers' requests to."""

    def found(host: Host, service: str) -> list[str]:
        statuses = members(show_stat(host), [service])[service]
        return sorted(name for name, status in statuses.items() if status.startswith("UP"))

    return found
