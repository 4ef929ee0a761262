# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host serves every service of the environment, each in its newest release."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ansible://development"]
NEWEST = {"datasette": "0.65.5", "dokuwiki": "2024-02-06b", "swagger_ui": "1.1.0"}


@pytest.mark.parametrize("service", NEWEST)
def test_a_developer_gets_the_newest_release(host, lab, ask, service):
    (development,) = lab.group("development")
    port = lab.services[service].contract["listen"]["port"]
    assert ask(development.address, service, port) == (200, NEWEST[service])


@pytest.mark.parametrize("service", ["datasette", "swagger_ui"])
def test_it_is_released_as_in_production(host, service):
    assert host.file(f"/srv/{service}/current").linked_to == f"/srv/{service}/releases/{NEWEST[service]}"


def test_what_runs_from_slots_does_so_here(host):
    assert host.file("/srv/dokuwiki/current").linked_to == "/srv/dokuwiki/slots/yin"


def test_the_application_runs_as_a_user_of_its_own(host):
    main = host.check_output("systemctl show --property=MainPID --value datasette.service")
    assert host.process.get(pid=int(main)).user == "datasette"
