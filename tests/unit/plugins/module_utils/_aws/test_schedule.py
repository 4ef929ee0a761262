# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group grows for an event, and goes back after it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.group import GroupError
from ansible_collections.golden.fleet.plugins.module_utils._aws.schedule import Event, Schedule, overlapping
from ansible_collections.golden.fleet.plugins.modules.aws_group_schedule import result_of

from tests.unit.plugins.module_utils._aws.conftest import Account, answer

BEGINS, ENDS = "2999-12-24T17:45:00Z", "2999-12-25T02:00:00Z"
ACTIONS = ["golden-fleet-preheat-christmas-back", "golden-fleet-preheat-christmas-grow"]


def act(account: Account, check: bool = False, **also: Any) -> dict[str, Any]:
    params = {"state": "present", "event": "christmas", "begins": BEGINS, "ends": ENDS, "count": 8, "count_after": -1}
    return result_of(Schedule(account.autoscaling, "fleet"), {**params, **also}, check)


def scheduled(account: Account) -> dict[str, tuple[int, int]]:
    found = account.autoscaling.describe_scheduled_actions(AutoScalingGroupName="fleet")["ScheduledUpdateGroupActions"]
    return {one["ScheduledActionName"]: (one["MinSize"], one["DesiredCapacity"]) for one in found}


def test_an_event_is_two_actions_and_replaced_by_its_name(account: Account) -> None:
    account.fleet(account.base, 3, least=2)
    assert act(account, check=True)["changed"]
    assert scheduled(account) == {}
    made = act(account)
    assert made["events"] == [
        {"name": "christmas", "begins": BEGINS, "ends": ENDS, "count": 8, "least_after": 2, "count_after": 3}
    ]
    assert scheduled(account) == dict(zip(ACTIONS, [(2, 3), (8, 8)]))
    assert not act(account)["changed"]
    moved = act(account, begins="2999-12-24T18:45:00Z", count=9)
    assert moved["diff"]["before"]["events"][0]["count"] == 8
    assert scheduled(account) == dict(zip(ACTIONS, [(2, 3), (9, 9)]))
    assert not act(account, state="listed", event="")["changed"]


def test_an_event_that_goes_on_does_not_take_its_own_size_for_what_was_there(account: Account) -> None:
    account.fleet(account.base, 3, least=2)
    act(account)
    account.autoscaling.update_auto_scaling_group(AutoScalingGroupName="fleet", MinSize=8, DesiredCapacity=8)
    account.autoscaling.delete_scheduled_action(AutoScalingGroupName="fleet", ScheduledActionName=ACTIONS[1])
    (seen,) = act(account, state="listed", event="")["events"]
    assert (seen["begins"], seen["count"]) == ("", 0)
    act(account, count=9)
    assert scheduled(account) == dict(zip(ACTIONS, [(2, 3), (9, 9)]))


def test_events_go_by_name_or_all(account: Account) -> None:
    account.fleet(account.base, 3)
    account.autoscaling.put_scheduled_update_group_action(
        AutoScalingGroupName="fleet", ScheduledActionName="somebody's", DesiredCapacity=4, MinSize=1, StartTime=ENDS
    )
    act(account)
    act(account, event="easter", begins="2999-04-01T00:00:00Z", ends="2999-04-02T00:00:00Z")
    assert act(account, state="absent", check=True)["changed"]
    assert len(scheduled(account)) == 5
    assert [one["name"] for one in act(account, state="absent")["events"]] == ["easter"]
    assert not act(account, state="absent")["changed"]
    assert act(account, state="absent", event="")["events"] == []
    assert list(scheduled(account)) == ["somebody's"]


@pytest.mark.parametrize(
    ("also", "message"),
    [
        pytest.param({"count": 11}, "11 is above its MaxSize of 10", id="too many"),
        pytest.param({"count": 2}, "2 is fewer than the 3 that it goes back to", id="fewer than there are"),
        pytest.param({"count_after": 1}, "can't go back to 1, below its MinSize of 2", id="back to too few"),
        pytest.param({"event": "other"}, "the event christmas goes on at that time", id="overlap"),
    ],
)
def test_what_can_not_be_scheduled_is_refused(account: Account, also: dict[str, Any], message: str) -> None:
    account.fleet(account.base, 3, least=2)
    if "event" in also:
        act(account)
    before = scheduled(account)
    with pytest.raises(GroupError, match=message):
        act(account, **also)
    assert scheduled(account) == before


def test_an_event_without_its_way_back_is_none(account: Account) -> None:
    account.fleet(account.base, 3)
    put = account.autoscaling.put_scheduled_update_group_action

    def half(_request: dict[str, Any]) -> dict[str, Any]:
        put(
            AutoScalingGroupName="fleet", ScheduledActionName=ACTIONS[1], DesiredCapacity=8, MinSize=8, StartTime=BEGINS
        )
        failed = {"ScheduledActionName": ACTIONS[0], "ErrorCode": "ValidationError", "ErrorMessage": "too many"}
        return {"FailedScheduledUpdateGroupActions": [failed]}

    answer(account.autoscaling, "BatchPutScheduledUpdateGroupAction", half)
    with pytest.raises(GroupError, match=r"nothing was scheduled, as AWS refused .*christmas-back: too many"):
        act(account)
    assert scheduled(account) == {}


def test_there_has_to_be_a_group(account: Account) -> None:
    with pytest.raises(GroupError, match="there is no Auto Scaling group fleet"):
        act(account)


def test_events_overlap_up_to_the_minute() -> None:
    first = Event("a", "2999-01-01T10:00:00Z", "2999-01-01T12:00:00Z", 8, 1, 2)
    same = Event("b", "2999-01-01T12:00:00Z", "2999-01-01T13:00:00Z", 8, 1, 2)
    later = Event("c", "2999-01-01T12:00:01Z", "2999-01-01T13:00:00Z", 8, 1, 2)
    going_on = Event("d", "", "2999-01-01T09:00:00Z", 0, 1, 2)
    assert overlapping(same, [first]) == "a"
    assert overlapping(later, [first]) == ""
    assert overlapping(first, [first, going_on]) == ""
    assert overlapping(Event("e", "2999-01-01T08:00:00Z", "2999-01-01T08:30:00Z", 8, 1, 2), [going_on]) == "d"
