# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts that were launched serve on every balancer, by its configuration too."""

from __future__ import annotations

SERVICE = "swagger_ui"
LAUNCHED = ["swagger-ui-1", "swagger-ui-2"]
testinfra_hosts = ["ansible://balancers"]


def test_they_serve_beside_the_others(lab, host, online):
    assert online(host, SERVICE) == sorted([*lab.services[SERVICE].members, *LAUNCHED])


def test_the_configuration_names_them_and_the_record_has_them_as_any_other(host, kept):
    config = host.file("/etc/haproxy/haproxy.cfg").content_string
    state = kept(host, SERVICE)
    for name in LAUNCHED:
        assert config.count(f"\n    server {name} ") == 2
        assert state["members"][name] == "online"
    assert (state["added"], state["leases"], state["lock"]) == ({}, {}, None)
