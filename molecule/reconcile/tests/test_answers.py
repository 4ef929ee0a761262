# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Customers get what they got all along."""

from __future__ import annotations


def test_customers_get_the_same_release_from_all_members(customers_get):
    assert customers_get("swagger_ui") == {(200, "0.0.9")}


def test_nobody_met_the_release_that_no_gate_had_seen(seen):
    assert {record.version for record in seen} == {"0.0.9"}
