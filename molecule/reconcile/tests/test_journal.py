# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The balancers tell how the member came back."""

from __future__ import annotations

import json

testinfra_hosts = ["ansible://balancers"]


def test_the_member_was_admitted_by_the_reconciliation(host):
    journal = host.file("/var/lib/golden-fleet/swagger_ui.journal.jsonl").content_string
    *_, last = (event for event in map(json.loads, journal.splitlines()) if event["member"] == "web2")
    assert (last["event"], last["version"]) == ("admitted", "0.0.9")
    assert last["rollout"].startswith("swagger_ui-reconcile-")
