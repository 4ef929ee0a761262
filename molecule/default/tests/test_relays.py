# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A relay hands on what the store has, and asks the store once for it."""

from __future__ import annotations

import json
import uuid

import pytest

testinfra_hosts = ["ansible://artifact_relays"]


@pytest.fixture
def relayed(lab, host):
    """Asks the relay on the host itself; the answer's status."""
    address = next(relay.address for relay in lab.group("artifact_relays") if relay.name == host.backend.get_hostname())

    def asked(path: str, *options: str) -> str:
        words = " ".join(options)
        status = "--output /root/relayed --write-out '%{http_code}'"
        return host.check_output(f"curl --silent {words} {status} http://{address}:8081/{path}")

    return asked


@pytest.fixture
def manifest(lab, host):
    (store,) = lab.group("artifact_stores")
    return json.loads(host.check_output(f"curl --silent http://{store.address}/swagger_ui/1.1.0/manifest.json"))


@pytest.mark.parametrize("part", ["", "--range 0-99", "--range 1000-"])
def test_it_hands_on_what_the_store_has_whole_and_in_parts(relayed, manifest, host, part):
    assert relayed(f"swagger_ui/1.1.0/{manifest['artifact']}", part) == ("206" if part else "200")
    if not part:
        assert host.file("/root/relayed").sha256sum == manifest["sha256"]


def test_it_asks_the_store_once_for_each_slice(relayed, manifest, lab, host, request):
    (store,) = lab.group("artifact_stores")
    path = f"swagger_ui/1.1.0/{manifest['artifact']}"
    relayed(path)
    there = host.get_host(f"ansible://{store.name}", ansible_inventory=request.config.option.ansible_inventory)
    log = "/var/log/nginx/access.log"
    before = there.file(log).size
    assert relayed(path) == "200"
    assert there.file(log).size == before


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("swagger_ui/1.1.0/manifest.json", "", "404"),
        ("swagger_ui/", "", "404"),
        ("swagger_ui/1.1.0/../../etc/passwd", "--path-as-is", "400"),
        (f"swagger_ui/1.1.0/{uuid.uuid4().hex}", "", "404"),
        ("swagger_ui/1.1.0/x.tar.gz", "--upload-file /etc/hostname", "403"),
    ],
)
def test_it_hands_on_nothing_else(relayed, path, options, status):
    assert relayed(path, options) == status
