# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who goes first among those that wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool.line import Line


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(str(tmp_path / "web.line"))


def test_first_come_first_served_where_nothing_is_known_of_them(line: Line) -> None:
    line.join("web2", 1, now=10, until=20)
    line.join("web1", 1, now=11, until=20)
    line.join("web2", 1, now=12, until=20)
    assert line.ahead("web1", 1, {}, now=13) == ["web2"]
    assert line.ahead("web2", 1, {}, now=13) == []
    assert line.ahead("web3", 1, {}, now=13) == ["web2", "web1"], "it has not joined yet"


def test_the_slowest_goes_first(line: Line) -> None:
    for number, member in enumerate(["web1", "web2", "web3"]):
        line.join(member, 1, now=10 + number, until=20)
    took = {"web1": 2.0, "web3": 33.0}
    assert line.ahead("web3", 1, took, now=13) == []
    assert line.ahead("web1", 1, took, now=13) == ["web3"]
    assert line.ahead("web2", 1, took, now=13) == ["web3", "web1"]


def test_who_has_left_or_waits_no_more_or_was_of_another_rollout_holds_nobody_back(line: Line) -> None:
    line.join("gone", 1, now=10, until=20)
    line.leave("gone", now=11)
    line.join("dead", 1, now=10, until=12)
    line.join("older", 0, now=10, until=20)
    assert line.ahead("web1", 1, {}, now=13) == []


@pytest.mark.parametrize("content", ["", "[]", '{"web9": 3}', '{"web9": {}}', "null", "\x00"])
def test_a_line_that_is_damaged_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "web.line").write_text(content, encoding="utf-8")
    line = Line(str(tmp_path / "web.line"))
    assert line.ahead("web1", 1, {}, now=1) == []
    line.join("web1", 1, now=1, until=9)
    assert line.ahead("web2", 1, {}, now=2) == ["web1"]
