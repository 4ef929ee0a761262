# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Customers get the release before, though nobody named it and the store was gone."""

from __future__ import annotations


def test_customers_get_the_older_release(customers_get):
    assert customers_get("swagger_ui") == {(200, "0.0.9")}


def test_the_first_of_them_still_got_the_newer_one(seen):
    assert (seen[0].version, seen[-1].version) == ("1.1.0", "0.0.9")
