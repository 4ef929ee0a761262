# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runtime roles of Windows, over the real PSRP client against an emulated host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.winlab import Host, Lab
from tests.winlab.certificate import Authority
from tests.winlab.host.builtin import LISTENERS
from tests.winlab.pytest_plugin import Done, run_play
from tests.winlab.tests.direct import run as run_module
from tests.winlab.tests.direct import state

SERVICE = {
    "dotnet_service_name": "Orders",
    "dotnet_service_environment": {"PORT": "8004"},
    "dotnet_service_urls": ["http://+:8004/"],
    "dotnet_service_ports": [8004],
    "dotnet_service_sources": ["10.0.0.0/8"],
}
SITE = {"iis_site_name": "Shop", "iis_site_bindings": [{"port": 8080}]}
BASE = {"windows_base_timezone": "W. Europe Standard Time", "windows_base_time_servers": ["time.example.com"]}
ROLES = {"dotnet_service": SERVICE, "iis_site": SITE, "windows_base": BASE}

Apply = Callable[..., Done]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(1, scheme="https") as made:
        yield made


@pytest.fixture
def host(lab: Lab) -> Host:
    return lab.hosts[0]


@pytest.fixture
def reached() -> dict[str, Any]:
    """What the inventory says of the host besides."""
    return {}


@pytest.fixture
def apply(tmp_path: Path, lab: Lab, reached: dict[str, Any]) -> Apply:
    """Applies a role to the host, or one of its entries. Each host of a lab has WinRM at a port of its own."""

    def applied(role: str, *more: str, entry: str = "main", by: Lab = lab, **variables: Any) -> Done:
        include = {"name": f"golden.fleet.{role}", "tasks_from": entry}
        variables = {"windows_base_winrm_port": by.hosts[0].port, **variables}
        task = {"name": "Apply the role", "ansible.builtin.include_role": include, "vars": variables}
        play = [{"name": "Apply", "hosts": "windows", "gather_facts": False, "tasks": [task]}]
        file = tmp_path / "play.yml"
        file.write_text(yaml.safe_dump(play), encoding="utf-8")
        return run_play(tmp_path, {"win1": {**by.variables(by.hosts[0]), **reached}}, file, *more)

    return applied


def changes(done: Done) -> int:
    assert done.rc == 0, done.output[-3000:]
    return done.counts["win1"]["changed"]


@pytest.mark.parametrize("role", ROLES)
def test_check_mode_tells_of_changes_makes_none_and_a_second_run_has_none(role: str, apply: Apply, host: Host) -> None:
    before = state(host)
    assert changes(apply(role, "--check", "--diff", **ROLES[role])) > 0
    assert state(host) == before
    assert changes(apply(role, **ROLES[role])) > 0
    after = state(host)
    assert changes(apply(role, **ROLES[role])) == 0
    assert state(host) == after
    assert host.not_emulated == []


def give_release(host: Host) -> None:
    host.disk.make_folder("C:\\srv\\Orders\\releases\\1")
    host.disk.write("C:\\srv\\Orders\\releases\\1\\Orders.exe", b"winlab-program\n")
    told = run_module(
        host, "win_service", {"name": "Orders", "path": "C:\\srv\\Orders\\releases\\1\\Orders.exe", "state": "started"}
    )
    assert not told.get("failed"), told


def test_a_service_that_runs_keeps_its_path_and_runs_on(apply: Apply, host: Host) -> None:
    give_release(host)
    service = host.services.find("Orders")
    assert service is not None
    process = service.process
    assert changes(apply("dotnet_service", **SERVICE, dotnet_service_description="Takes orders")) > 0
    assert (service.path, service.state) == ("C:\\srv\\Orders\\releases\\1\\Orders.exe", "started")
    assert service.process is process
    assert (service.description, service.username) == ("Takes orders", "NT SERVICE\\Orders")


def test_a_service_without_a_release_is_there_and_does_not_run(apply: Apply, host: Host) -> None:
    changes(apply("dotnet_service", **SERVICE))
    service = host.services.find("Orders")
    assert service is not None
    assert (service.start_mode, service.state) == ("auto", "stopped")
    assert service.path == '"C:\\srv\\Orders\\no_release\\Orders.exe"'
    assert [rule["remoteip"] for rule in host.system.firewall_rules] == ["10.0.0.0/255.0.0.0"]


def test_what_differs_of_a_service_is_told_in_check_mode_and_changed(apply: Apply, host: Host) -> None:
    changes(apply("dotnet_service", **SERVICE))
    host.system.url_reservations["http://+:8004/"]["user"] = "\\Everyone"
    wanted = {**SERVICE, "dotnet_service_environment": {}, "dotnet_service_ports": []}
    before = state(host)
    assert changes(apply("dotnet_service", "--check", **wanted)) == 3
    assert state(host) == before
    assert changes(apply("dotnet_service", **wanted)) == 3
    assert host.system.url_reservations["http://+:8004/"]["user"] == "NT SERVICE\\Orders"
    assert "PORT" not in host.service_environment("Orders")
    assert host.system.firewall_rules == []


def test_a_password_is_in_no_output_and_in_no_log(apply: Apply, host: Host) -> None:
    host.add_user("svc", "Longer-than-8-canary")
    account = {"dotnet_service_account": ".\\svc", "dotnet_service_password": "Longer-than-8-canary"}
    done = apply("dotnet_service", "-vvv", "--diff", **SERVICE, **account)
    assert changes(done) > 0
    assert "Longer-than-8-canary" not in done.output
    assert "Longer-than-8-canary" not in repr(host.log.entries)
    service = host.services.find("Orders")
    assert service is not None
    assert service.username == ".\\svc"
    assert host.system.url_reservations["http://+:8004/"]["user"] == "svc"
    assert changes(apply("dotnet_service", **SERVICE, **account)) == 0


def test_a_site_that_was_stopped_stays_so_and_keeps_its_path(apply: Apply, host: Host) -> None:
    changes(apply("iis_site", **SITE))
    site = host.system.sites["shop"]
    assert (site.physical_path, site.state) == ("C:\\srv\\Shop\\no_release", "Started")
    assert "default web site" not in host.system.sites
    site.physical_path, site.state = "C:\\srv\\Shop\\releases\\1", "Stopped"
    changed = {**SITE, "iis_site_bindings": [{"port": 8081}]}
    before = state(host)
    assert changes(apply("iis_site", "--check", **changed)) == 2  # the site and the firewall rule
    assert state(host) == before
    assert changes(apply("iis_site", **changed)) == 2
    assert [binding.port for binding in site.bindings] == [8081]
    assert (site.physical_path, site.state) == ("C:\\srv\\Shop\\releases\\1", "Stopped")


def test_a_default_site_that_is_somebody_s_stays(apply: Apply, host: Host) -> None:
    run_module(host, "win_feature", {"name": ["Web-Server"]})
    host.system.sites["default web site"].physical_path = "C:\\intranet"
    changes(apply("iis_site", **SITE))
    assert "default web site" in host.system.sites


OTHER_PORT = {"windows_base_winrm_port": 5986}


def listeners(host: Host) -> list[str]:
    found = host.registry.find(LISTENERS)
    return [] if found is None else [key.name for key in found.keys.values()]


def test_a_host_that_is_reached_by_http_is_left_as_it_is(apply: Apply) -> None:
    with Lab(1, scheme="http") as lab:
        before = state(lab.hosts[0])
        done = apply("windows_base", by=lab, **BASE)
        assert done.rc != 0
        assert "reached over HTTP, which windows_base closes" in done.output
        assert state(lab.hosts[0]) == before
        # Unless it may stay open: then the firewall lets it in as well.
        assert changes(apply("windows_base", by=lab, windows_base_winrm_https_only=False, **OTHER_PORT)) > 0
        assert listeners(lab.hosts[0]) == ["*+HTTP"]
        rules = {rule["name"]: str(rule["localport"]) for rule in lab.hosts[0].system.firewall_rules}
        assert rules == {"WinRM over HTTPS": "5986", "WinRM over HTTP": str(lab.hosts[0].port)}
        assert changes(apply("windows_base", by=lab, windows_base_winrm_https_only=False, **OTHER_PORT)) == 0


def test_a_listener_is_made_before_the_last_one_goes_which_cuts_the_connection(apply: Apply) -> None:
    with Lab(1, scheme="http") as lab:
        done = apply("windows_base", by=lab, windows_base_may_cut_connection=True)
        assert "would not listen at all without it" in done.output
        host = lab.hosts[0]
        (thumbprint,) = own_certificate(host)
        given = {"windows_base_may_cut_connection": True, "windows_base_winrm_certificate": thumbprint}
        apply("windows_base", by=lab, **given)
        assert listeners(host) == ["*+HTTPS"]
        assert "UNREACHABLE" in apply("windows_base", by=lab, windows_base_winrm_https_only=False).output.upper()


def test_a_port_that_the_firewall_would_not_let_in_is_refused_before_anything_is_changed(
    apply: Apply, host: Host
) -> None:
    before = state(host)
    done = apply("windows_base", **OTHER_PORT)
    assert done.rc != 0
    assert f"reached by port {host.port}" in done.output
    assert state(host) == before
    # As where a port leads to another one on the way.
    host.registry.set(f"{LISTENERS}\\*+HTTPS", "Port", 5986, "dword")
    before = state(host)
    done = apply("windows_base")
    assert done.rc != 0
    assert "WinRM over HTTPS is at 5986 there" in done.output
    assert state(host) == before


def test_winrm_listens_behind_the_port_that_was_chosen(apply: Apply, host: Host) -> None:
    assert changes(apply("windows_base", windows_base_may_cut_connection=True, **OTHER_PORT)) > 0
    listener = host.registry.find(f"{LISTENERS}\\*+HTTPS")
    assert listener is not None
    assert listener.values["port"].data == 5986
    assert [rule["localport"] for rule in host.system.firewall_rules] == ["5986"]
    with Lab(1, scheme="http") as lab:
        (thumbprint,) = own_certificate(lab.hosts[0])
        given = {"windows_base_winrm_certificate": thumbprint, "windows_base_winrm_port": 8443}
        changes(apply("windows_base", by=lab, windows_base_winrm_https_only=False, **given))
        made = lab.hosts[0].registry.find(f"{LISTENERS}\\*+HTTPS")
        assert made is not None
        assert (made.values["port"].data, made.values["certthumbprint"].data) == (8443, thumbprint)


# As in inventories/production: without what else tells a Windows host.
@pytest.mark.parametrize("reached", [{"ansible_connection": "ansible.builtin.psrp"}])
def test_the_example_service_has_what_every_windows_host_has(apply: Apply, host: Host) -> None:
    assert changes(apply("orders")) > 0
    assert listeners(host) == ["*+HTTPS"]
    assert host.services.find("Orders") is not None
    assert {rule["name"] for rule in host.system.firewall_rules} > {"WinRM over HTTPS"}
    after = state(host)
    assert changes(apply("orders")) == 0
    assert state(host) == after
    assert host.not_emulated == []


def own_certificate(host: Host) -> list[str]:
    host.disk.write("C:\\own.pem", Authority(host.disk.root.parent / "own").file.read_bytes())
    return list(run_module(host, "win_certificate_store", {"path": "C:\\own.pem"})["thumbprints"])


def test_a_reboot_is_told_of_and_done_when_asked(apply: Apply, host: Host) -> None:
    host.set_hazards(reboot_pending=True, boot_seconds=0.5)
    done = apply("windows_base", entry="reboot")
    assert changes(done) == 0
    assert "win1 is to be rebooted" in done.output
    assert host.boots == 0
    assert changes(apply("windows_base", "--check", entry="reboot", windows_base_reboot=True)) == 1
    assert host.boots == 0
    assert changes(apply("windows_base", entry="reboot", windows_base_reboot=True)) == 1
    assert host.boots == 1
    assert not host.reboot_pending
