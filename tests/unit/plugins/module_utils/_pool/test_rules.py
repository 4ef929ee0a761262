# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool.rules import (
    Limits,
    ShareError,
    check_feasible,
    count_of,
    refuse,
)


@pytest.mark.parametrize(
    ("share", "total", "up", "count"),
    [
        pytest.param(2, 6, False, 2, id="a count"),
        pytest.param("2", 6, True, 2, id="a count as text"),
        pytest.param("50%", 5, True, 3, id="a floor rounds up"),
        pytest.param("50%", 5, False, 2, id="a window rounds down"),
        pytest.param("75%", 4, True, 3, id="nothing to round"),
        pytest.param("1%", 350, True, 4, id="a small share of many"),
        pytest.param(" 50 % ", 4, False, 2, id="spaces"),
        pytest.param("0%", 6, True, 0, id="none"),
        pytest.param("100%", 6, True, 6, id="all"),
        pytest.param(9, 6, False, 9, id="more than there are"),
    ],
)
def test_a_share_is_a_count(share: Any, total: int, up: bool, count: int) -> None:
    assert count_of(share, total, up) == count


@pytest.mark.parametrize("share", ["most", "", "-1", -1, "101%", "1.5", None, "50%%", [], "0x2"])
def test_what_is_no_share_is_refused(share: Any) -> None:
    with pytest.raises(ShareError, match="is neither a count"):
        count_of(share, 6)


@pytest.mark.parametrize(
    ("floor", "per_zone", "zones", "problem"),
    [
        pytest.param(2, 0, {"w1": "a", "w2": "a", "w3": "b"}, "", id="one can go"),
        pytest.param(3, 0, {"w1": "a", "w2": "a", "w3": "b"}, "3 members, floor 3: none", id="the floor is all"),
        pytest.param("75%", 0, {"w1": "", "w2": "", "w3": ""}, "3 members, floor 75% (3)", id="all by rounding"),
        pytest.param(1, 0, {"w1": ""}, "1 member, floor 1", id="the only one"),
        pytest.param(0, 0, {"w1": ""}, "", id="the only one may go"),
        pytest.param(1, 1, {"w1": "a", "w2": "a", "w3": "b"}, "1 member in zone b, floor 1", id="a zone of one"),
        pytest.param(1, 1, {"w1": "", "w2": "", "w3": ""}, "", id="no zones"),
        pytest.param(1, "50%", {"w1": "a", "w2": "a", "w3": "b", "w4": "b"}, "", id="zones by share"),
    ],
)
def test_a_floor_that_can_never_be_met_is_told(floor: Any, per_zone: Any, zones: dict[str, str], problem: str) -> None:
    assert check_feasible(floor, per_zone, zones).startswith(problem)
    assert bool(check_feasible(floor, per_zone, zones)) == bool(problem)


def lease(number: int = 5, failed: str | None = None) -> dict[str, Any]:
    return {"number": number, "failed": failed}


ALL = {f"w{n}": True for n in range(1, 7)}
ZONES = {"w1": "a", "w2": "b", "w3": "a", "w4": "b", "w5": "a", "w6": "b"}


@pytest.mark.parametrize(
    ("online", "leases", "limits", "kind"),
    [
        pytest.param(ALL, {}, Limits(floor=5), None, id="all online, floor one below"),
        pytest.param(ALL, {"w2": lease()}, Limits(floor=5, window=9), "floor", id="a lease counts as gone"),
        pytest.param({**ALL, "w2": False}, {}, Limits(floor=5), "floor", id="a dead member counts as gone"),
        pytest.param({**ALL, "w2": False}, {"w2": lease()}, Limits(floor=4, window=9), None, id="but only once"),
        pytest.param({**ALL, "w1": False}, {}, Limits(floor=5), None, id="taking a dead one lowers nothing"),
        pytest.param(ALL, {"w1": lease(4)}, Limits(floor=6), None, id="taking over a lease lowers nothing"),
        pytest.param(ALL, {}, Limits(floor=6), "impossible", id="floor of all"),
        pytest.param({**ALL, "w1": False}, {}, Limits(floor=6), None, id="floor of all, one that is not online"),
        pytest.param(ALL, {"w3": lease()}, Limits(window=1), "window", id="one is out"),
        pytest.param(ALL, {"w3": lease()}, Limits(window=2), None, id="two may be out"),
        pytest.param(ALL, {"w3": lease()}, Limits(window="1%"), "window", id="a window is never none"),
        pytest.param(
            ALL, {"w3": lease(4)}, Limits(window=1), None, id="what an earlier rollout left is not our window"
        ),
        pytest.param(ALL, {"w3": lease(failed="x")}, Limits(window=1, budget=1), None, id="nor is what has failed"),
        pytest.param(ALL, {"gone": lease()}, Limits(window=1), None, id="nor a member that has left"),
        pytest.param(
            ALL, {"w3": lease()}, Limits(window=9, floor_per_zone=2, zones=ZONES), "floor", id="floor of the zone"
        ),
        pytest.param(
            ALL, {"w2": lease()}, Limits(window=9, floor_per_zone=2, zones=ZONES), None, id="another zone's lease"
        ),
        pytest.param(ALL, {}, Limits(floor_per_zone="100%", zones=ZONES), "impossible", id="floor of all in the zone"),
    ],
)
def test_who_may_be_taken_out(
    online: dict[str, bool], leases: dict[str, Any], limits: Limits, kind: str | None
) -> None:
    assert refuse("w1", online, leases, {"number": 5, "failures": []}, limits).get("kind") == kind


FAILED = [{"member": "w2", "reason": "x"}, {"member": "w3", "reason": "y"}, {"member": "w2", "reason": "z"}]


@pytest.mark.parametrize(
    ("failures", "stop", "limits", "kind"),
    [
        pytest.param([], None, Limits(), None, id="nothing failed"),
        pytest.param(FAILED, None, Limits(budget=2), None, id="a member counts once"),
        pytest.param(FAILED, None, Limits(budget=1), "budget", id="over the budget"),
        pytest.param(FAILED, None, Limits(budget="33%"), "budget", id="a budget rounds down"),
        pytest.param(FAILED, None, Limits(budget="34%"), None, id="two in six"),
        pytest.param(FAILED, None, Limits(turning_back=True), None, id="going back has no budget"),
        pytest.param([], {"by": "carl"}, Limits(), "stopped", id="stopped"),
        pytest.param([], {"by": "carl"}, Limits(turning_back=True), None, id="going back isn't stopped"),
    ],
)
def test_when_a_rollout_takes_no_further_member(
    failures: list[dict[str, str]], stop: Any, limits: Limits, kind: str | None
) -> None:
    lock = {"number": 5, "failures": failures, "stop": stop}
    assert refuse("w1", ALL, {}, lock, limits).get("kind") == kind
