# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The store hands artifacts out, and takes none over HTTP."""

from __future__ import annotations

import hashlib
import json
import urllib.request

import pytest

testinfra_hosts = ["ansible://artifact_stores"]


@pytest.fixture
def get(lab):
    (store,) = lab.group("artifact_stores")

    def got(path: str) -> bytes:
        with urllib.request.urlopen(f"http://{store.address}/{path}", timeout=30) as answer:
            return answer.read()

    return got


@pytest.mark.parametrize("service", ["datasette", "swagger_ui"])
def test_it_hands_out_what_its_manifests_say(lab, get, service):
    listed = {entry["name"] for entry in json.loads(get(f"{service}/"))}
    assert listed == set(lab.services[service].versions)
    for version in listed:
        manifest = json.loads(get(f"{service}/{version}/manifest.json"))
        artifact = get(f"{service}/{version}/{manifest['artifact']}")
        assert hashlib.sha256(artifact).hexdigest() == manifest["sha256"]


def test_it_refuses_uploads(host):
    upload = "curl --silent --output /dev/null --write-out '%{http_code}' --upload-file /etc/hostname"
    assert host.check_output(f"{upload} http://127.0.0.1/hostname") == "405"
