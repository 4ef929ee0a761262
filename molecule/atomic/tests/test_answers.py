# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Customers read a page all along, by the newer release and by the older one again."""

from __future__ import annotations

OLD, NEW = "2022-07-31b", "2024-02-06b"


def test_the_page_was_there_for_each_of_them(seen):
    # A page that is not there is answered by 404.
    assert {record.status for record in seen} == {200}


def test_they_were_taken_to_the_newer_release_and_back(seen):
    assert {record.version for record in seen} == {OLD, NEW}
    assert (seen[0].version, seen[-1].version) == (OLD, OLD)
