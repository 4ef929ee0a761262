# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each member went back by itself, and can go forward again."""

from __future__ import annotations

import json

testinfra_hosts = ["ansible://swagger_ui"]


def test_the_store_is_out_of_reach(lab, host):
    (store,) = lab.group("artifact_stores")
    assert host.run(f"curl --silent http://{store.address}/").rc == 7


def test_the_older_release_is_active(host):
    assert host.file("/srv/swagger_ui/current").linked_to == "/srv/swagger_ui/releases/0.0.9"


def test_the_release_that_was_left_is_good_still(host):
    left = json.loads(host.file("/srv/swagger_ui/records/1.1.0.json").content_string)
    assert (bool(left["good_at"]), left["bad_at"]) == (True, None)
