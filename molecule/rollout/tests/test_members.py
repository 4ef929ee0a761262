# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each member runs the newer release, and can go back by itself."""

from __future__ import annotations

import json

import pytest

testinfra_hosts = ["ansible://swagger_ui"]


def test_the_newer_release_is_active(host):
    assert host.file("/srv/swagger_ui/current").linked_to == "/srv/swagger_ui/releases/1.1.0"


@pytest.mark.parametrize("version", ["0.0.9", "1.1.0"])
def test_both_releases_are_kept_and_proven_good(host, version):
    assert host.file(f"/srv/swagger_ui/releases/{version}/release.json").exists
    assert json.loads(host.file(f"/srv/swagger_ui/records/{version}.json").content_string)["good_at"]
