# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What customers saw while members changed."""

from __future__ import annotations


def test_no_request_failed(seen):
    assert [record for record in seen if record.failed] == []


def test_nobody_was_answered_by_a_release_that_had_not_passed_its_gates(unproven, service):
    assert unproven(service) == []
