# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.filter.preheat import preheat_plan
from ansible_collections.golden.fleet.plugins.plugin_utils._preheat import table, timers

NOW = datetime.datetime(2026, 12, 24, 12, 0, tzinfo=datetime.timezone.utc).timestamp()
AT, END = "2026-12-24T18:00:00+01:00", "2026-12-25T02:00:00Z"


def plan(floor: str = "60%", **asked: Any) -> dict[str, Any]:
    given = {"at": AT, "end": END, "count": "12", "after": "", "warm_seconds": 900, "event": "", "state": ""}
    return preheat_plan({"service": "datasette", "pool": {"floor": floor}}, {**given, **asked}, NOW)


def test_it_grows_before_and_goes_back_after() -> None:
    assert plan(event="christmas", after="4") == {
        **{"problem": "", "state": "present", "event": "christmas", "count": 12, "count_after": 4},
        **{"begins": "2026-12-24T16:45:00Z", "ends": "2026-12-25T02:00:00Z"},
    }
    assert plan()["count_after"] == -1
    assert plan()["event"] == "event"


@pytest.mark.parametrize(
    ("asked", "state"),
    [({"at": ""}, "listed"), ({"state": "absent"}, "absent"), ({"at": "", "state": "absent"}, "absent")],
)
def test_without_a_time_nothing_is_scheduled(asked: dict[str, str], state: str) -> None:
    assert plan(**asked)["state"] == state


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        pytest.param({"at": "tomorrow"}, "at is 'tomorrow' and not a time, such as", id="no time"),
        pytest.param({"at": "2026-12-24 18:00"}, "in which zone", id="no zone"),
        pytest.param({"at": "2026-12-24T11:00:00Z"}, "which is past", id="past"),
        pytest.param({"at": "2026-12-24T12:10:00Z"}, "it would have to have begun at 2026-12-24T11:55", id="too soon"),
        pytest.param({"end": "2026-12-24T17:00:00Z"}, "isn't after 2026-12-24T17:00:00Z", id="over before it began"),
        pytest.param({"end": ""}, "end is '' and not a time", id="no end"),
        pytest.param({"count": "many"}, "count is 'many' and not a number", id="no number"),
        pytest.param({"count": "-4"}, "count is '-4' and not a number", id="less than none"),
        pytest.param({"count": "2", "floor": "3"}, "2 is below its floor of 3", id="below the floor"),
        pytest.param({"after": "2", "floor": "3"}, "2 is below its floor of 3", id="back below the floor"),
        pytest.param({"warm_seconds": "soon"}, "warm_seconds is 'soon'", id="no seconds"),
        pytest.param({"event": "Christmas Eve"}, "event is 'Christmas Eve'", id="no name"),
        pytest.param({"state": "gone"}, "state is 'gone' and not present, absent or listed", id="no state"),
    ],
)
def test_bad_input_is_told(asked: dict[str, Any], problem: str) -> None:
    assert problem in plan(**asked)["problem"]


def test_the_lines_for_systemd_are_of_both_times() -> None:
    run = ["/venv/bin/ansible-playbook", "playbooks/scale.yml"]
    grow, back = timers("swagger_ui", plan(event="launch"), 4, run)
    assert grow == (
        "systemd-run --unit=preheat-swagger-ui-launch-grow --on-calendar='2026-12-24 16:45:00 UTC'"
        " /venv/bin/ansible-playbook playbooks/scale.yml -e service=swagger_ui -e count=12"
    )
    assert back.endswith("-e count=4")
    assert "2026-12-25 02:00:00 UTC" in back
    assert timers("swagger_ui", plan(after="5"), 4, run)[1].endswith("-e count=5")


def test_events_are_shown_as_a_table() -> None:
    event = {"name": "christmas", "begins": "", "ends": END, "count": 0, "count_after": 3}
    assert table("datasette", []) == ["datasette: nothing is scheduled"]
    assert table("datasette", [event])[-1].split() == ["christmas", "has", "grown", "-", END, "3"]
