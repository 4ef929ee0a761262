# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members are ready for releases of both kinds of software."""

from __future__ import annotations

testinfra_hosts = ["ansible://swagger_ui"]


def test_static_files_would_be_served(host):
    nginx = host.service("nginx")
    assert (nginx.is_enabled, nginx.is_running) == (True, True)
    assert host.socket("tcp://0.0.0.0:8002").is_listening


def test_an_application_would_be_started(host):
    assert host.service("datasette").is_enabled
    assert host.service("datasette").is_running == host.file("/srv/datasette/current").exists
    assert host.check_output("/usr/local/bin/uv --version").startswith("uv ")


def test_it_is_none_of_operations_and_does_not_reach_the_maintenance_pool(lab, host):
    port = lab.services["swagger_ui"].contract["pool"]["maintenance_port"]
    for balancer in lab.balancers:
        refused = host.run(f"curl --silent --max-time 5 http://{balancer.address}:{port}/")
        # Refused, or reset before, while or after the request was sent.
        assert refused.rc in (7, 52, 55, 56), refused
