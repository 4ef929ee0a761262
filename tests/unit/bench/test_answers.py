# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bench that finds no fault is worth something only where it would have found one."""

from __future__ import annotations

import json
import re

import pytest

from demo.records import Record
from tests.bench.answers import PATTERN, Answer, Switch, answers, stale

SWITCHES = [
    Switch(0.0, "a", "1.0.0"),
    Switch(100.0, "a", "1.0.1"),
    Switch(200.0, "a", "1.1.0"),
    Switch(0.0, "b", "1.0.0"),
]


def answer(
    version: str = "1.0.0", sent: float = 50.0, ended: float | None = None, member: str = "a", **given
) -> Answer:
    releases = frozenset(given.get("releases", {version}))
    return Answer(sent, sent + 0.01 if ended is None else ended, version, member, releases, 51)


def test_what_a_page_says_is_read_from_its_record():
    page = {"version": "1.0.1", "member": "10.0.0.5", "releases": ["1.0.0", "1.0.1"], "files": 51, "path": "/?x=1"}
    said = re.search(PATTERN, json.dumps(page, separators=(",", ":")))
    record = Record(9.5, "pages", "lb1", 200, said[1], 500.0, sent=9.75)
    failed = Record(9.5, "pages", "lb1", 503, None, 1.0, error="status 503")
    whole = Answer(9.75, 10.0, "1.0.1", "10.0.0.5", frozenset({"1.0.0", "1.0.1"}), 51)
    assert answers([record, failed]) == [whole]


@pytest.mark.parametrize(
    ("version", "releases", "mixed"),
    [
        ("1.0.0", {"1.0.0"}, False),
        ("1.0.2", {"1.0.0", "1.0.2"}, False),
        ("1.0.2", {"1.0.0", "1.0.1", "1.0.2"}, True),
        ("1.1.0", {"1.0.0", "1.1.0"}, True),
        ("1.1.1", {"1.0.0", "1.1.1"}, True),
        ("1.1.1", {"1.1.1"}, True),
    ],
)
def test_mixed_is_what_comes_out_of_two_releases(version, releases, mixed):
    assert answer(version, releases=releases).mixed == mixed


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (answer("1.0.0", sent=99.0), False),
        (answer("1.0.0", sent=99.99, ended=100.5), False),
        (answer("1.0.1", sent=99.99, ended=100.5), False),
        (answer("1.0.0", sent=100.02), True),
        (answer("1.0.1", sent=99.0, ended=99.5), True),
        (answer("1.0.0", sent=250.0), True),
        (answer("1.0.0", sent=250.0, member="b"), False),
        # One that took long may be of any release of that time, and of none from before it.
        (answer("1.0.1", sent=99.0, ended=300.0), False),
        (answer("1.0.0", sent=150.0, ended=300.0), True),
    ],
    ids=str,
)
def test_stale_is_what_the_link_did_not_lead_to_while_it_was_asked_for(one, fault):
    assert (stale([one], SWITCHES) == [one]) == fault
