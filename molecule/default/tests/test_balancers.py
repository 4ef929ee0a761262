# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Balancers let customers reach proven members only, and operations alone reach the others."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ansible://balancers"]


@pytest.fixture
def address(lab, host):
    return next(balancer.address for balancer in lab.balancers if balancer.name == host.backend.get_hostname())


def test_customers_of_an_unknown_service_are_told_so(address, ask):
    assert ask(address, "swagger_ui", domain="unknown.example.com")[0] == 404


@pytest.mark.parametrize("service", ["datasette", "swagger_ui"])
def test_no_customer_reaches_a_member_that_has_passed_no_gate(host, address, ask, kept, online, service):
    if kept(host, service).get("members"):
        pytest.skip(f"{service} has been rolled out since this lab was raised")
    assert online(host, service) == []
    assert ask(address, service)[0] == 503


def test_operations_are_told_that_a_member_is_not_in_the_maintenance_pool(lab, address, ask):
    assert ask(address, "swagger_ui", port=lab.services["swagger_ui"].contract["pool"]["maintenance_port"])[0] == 503


def test_it_comes_back_after_a_reboot_and_obeys_root_alone(host):
    haproxy = host.service("haproxy")
    assert (haproxy.is_enabled, haproxy.is_running) == (True, True)
    socket = host.file("/run/haproxy/admin.sock")
    assert (socket.user, socket.mode) == ("root", 0o600)
