# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nobody left the online pool, by what each balancer says of itself and by what it has done."""

from __future__ import annotations

import csv
import json
import time

testinfra_hosts = ["ansible://balancers"]


def test_no_member_was_out_since_customers_came(host, lab, service, seen, show_stat):
    rows = csv.DictReader(show_stat(host).lstrip("# ").splitlines())
    unchanged = {row["svname"]: int(row["lastchg"]) for row in rows if row["pxname"] == service}
    assert unchanged.keys() == set(lab.services[service].members)
    # In whole seconds, and the balancer's clock is read after this one.
    assert min(unchanged.values()) >= int(time.time() - seen[0].t) - 1, unchanged


def test_no_member_was_taken_out(host, service, seen):
    journal = host.file(f"/var/lib/golden-fleet/{service}.journal.jsonl").content_string
    events = [json.loads(line) for line in journal.splitlines()]
    assert {one["event"] for one in events if one["at"] > seen[0].t}.isdisjoint({"reserved", "draining", "drained"})
