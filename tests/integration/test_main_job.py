# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verbs, one by one, as an operator runs them."""

from __future__ import annotations

import re

import pytest

from tests.integration.conftest import SERVICE, versions
from tests.integration.fleet import Fleet


def test_a_second_run_changes_nothing(fleet: Fleet) -> None:
    old, _ = versions(fleet)
    assert fleet.must("lab").changed == 0
    assert fleet.must("provision").changed == 0
    assert fleet.must("rollout", service=SERVICE, version=old).changed == 0


def test_check_mode_on_a_running_fleet_changes_nothing_and_says_what_would_change(fleet: Fleet) -> None:
    old, new = versions(fleet)
    before = (fleet.active(SERVICE), fleet.state("lb1", SERVICE), fleet.state("lb2", SERVICE), fleet.online(SERVICE))
    run = fleet.must("rollout", "--check", "--diff", service=SERVICE, version=new)
    assert re.search(rf"^-.*{re.escape(old)}", run.output, re.MULTILINE), run.tail()
    assert re.search(rf"^\+.*{re.escape(new)}", run.output, re.MULTILINE), run.tail()
    assert fleet.must("provision", "--check", "--diff").changed == 0
    after = (fleet.active(SERVICE), fleet.state("lb1", SERVICE), fleet.state("lb2", SERVICE), fleet.online(SERVICE))
    assert before == after


def test_status_shows_who_serves_what(fleet: Fleet) -> None:
    old, _ = versions(fleet)
    run = fleet.must("status", service=SERVICE)
    for member in fleet.lab.services[SERVICE].members:
        assert re.search(rf"{member} +[ab] +online +{re.escape(old)}", run.output), run.output


def test_a_verb_runs_by_its_collection_name(fleet: Fleet) -> None:
    """The others do in test_third_service.py."""
    assert fleet.must("golden.fleet.reconcile", service=SERVICE).changed == 0


def test_the_development_host_carries_every_service(fleet: Fleet) -> None:
    fleet.must("development")
    again = fleet.must("development")
    assert again.changed == 0, again.tail()
    assert len(fleet.lab.services) == 3
    for service in fleet.lab.services.values():
        url = f"http://127.0.0.1:{service.contract['listen']['port']}{service.contract['health']['path']}"
        answer = fleet.on("dev1", "curl", "--silent", "--fail", "--include", url)
        assert service.versions[-1] in answer, service.name


def test_the_maintenance_pool_and_the_admin_socket_are_not_for_everybody(fleet: Fleet) -> None:
    port = fleet.lab.services[SERVICE].contract["pool"]["maintenance_port"]
    address = fleet.host("lb1").address
    refused = ["curl", "--silent", "--output", "/dev/null", "--max-time", "3", f"http://{address}:{port}/"]
    with pytest.raises(AssertionError):
        fleet.on("web1", *refused)
    listening = fleet.on("lb1", "ss", "--listening", "--tcp", "--numeric", "--no-header", "--processes")
    ports = {line.split()[3].rpartition(":")[2] for line in listening.splitlines() if "haproxy" in line}
    services = fleet.lab.services.values()
    allowed = {80} | {
        service.contract["pool"]["maintenance_port"] + i for service in services for i in range(len(service.members))
    }
    assert {int(port) for port in ports} <= allowed
    mode = fleet.on("lb1", "stat", "--format=%a %U", "/run/haproxy/admin.sock").strip()
    assert mode == "600 root"
