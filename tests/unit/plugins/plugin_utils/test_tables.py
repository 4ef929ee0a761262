# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.golden.fleet.plugins.plugin_utils import _tables

PLAN = {
    "canary": "a",
    "zones": {"a": "x", "b": ""},
    "members": {
        "a": {"action": "change", "from": "1", "previous": "1", "pool": "online"},
        "b": {"action": "pass", "from": "2", "previous": "1", "pool": "online"},
    },
}


def test_columns_are_aligned_and_empty_cells_are_dashes() -> None:
    assert _tables.table(["a", "longer"], [["x", ""], ["yyy", None]]) == ["a    longer", "x    -", "yyy  -"]


def test_a_plan_says_who_is_first_and_who_has_nothing_to_do() -> None:
    first, second = _tables.plan_table(PLAN, "2")[1:]
    assert "change first, alone" in first
    assert "nothing to do, serves 2" in second


def test_an_outcome_says_what_every_member_runs_now() -> None:
    lines = _tables.outcome_table({"plan": PLAN}, {"a": {"result": "turned_back", "version": "1"}, "b": {}})
    assert lines[1].split() == ["a", "x", "1", "1", "turned", "back"]
    assert lines[2].split() == ["b", "-", "2", "2", "passed", "over"]


def test_status_shows_pool_releases_lease_and_lock() -> None:
    found = {
        "a": {
            "active": "2",
            "activation_done": False,
            "releases": [{"version": "1", "state": "good"}, {"version": "2", "state": "bad"}],
        },
        "b": {"reachable": False},
        "c": {"active": "1", "awaited": {"version": "2", "at": "1970-01-01T00:02:00.500000Z"}, "releases": []},
    }
    lease = {"rollout": "shop-2", "until": 0, "expired": True, "failed": "gate"}
    pool = {
        "members": {
            "a": {"pool": "maintenance", "lease": lease},
            "b": {"pool": "online", "lease": None},
            "c": {"pool": "maintenance", "lease": None, "kept": {"until": 60, "expired": False}},
            "d": {"pool": "maintenance", "lease": None, "kept": {"until": 60, "expired": True}},
        },
        "balancers": {"lb1": {"clock": 5, "lock": {"owner": {"name": "ann@desk"}, "rollout": "shop-2", "until": 1}}},
        "unreachable_balancers": ["lb2"],
    }
    contract = {"service": "shop", "summary": "A shop", "members": ["a", "b", "c", "d"]}
    text = "\n".join(_tables.status_table(contract, pool, found, {"a": "x", "b": "y"}))
    assert "balancer can't be reached: lb2" in text
    assert "locked at lb1 by ann@desk for shop-2 until 00:00:01Z (expired)" in text
    assert "2 (not finished)" in text
    assert "1, 2 from 00:02:00Z" in text
    assert "shop-2 expired, failed: gate" in text
    assert "kept until 00:01:00Z\n" in text
    assert "kept until 00:01:00Z, which has passed" in text
    assert "unreachable" in text


def test_a_reconciliation_reports_who_is_back_and_who_is_not() -> None:
    opened = {"shop": {"members": {"a": {}, "b": {}}, "problems": {"c": {"problem": "can't be reached"}}}}
    hostvars = {
        "a": {"reconciliation_outcomes": {"shop": {"result": "changed", "version": "2"}}},
        "b": {"reconciliation_outcomes": {"shop": {"result": "out", "version": "", "detail": "gate"}}},
    }
    assert len(_tables.reconcile_report(opened, hostvars)) == 4
    assert _tables.reconcile_problems(opened, hostvars) == ["shop on c: can't be reached", "shop on b: gate"]
    assert _tables.reconcile_report({"shop": {"members": {}, "problems": {}}}, {}) == ["every member is in order"]
