# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders, marks and what is pruned: pure, by table."""

from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release import found, plan


def record(version, **fields):
    return {
        "version": version,
        "sha256": "0",
        "staged_at": f"2026-01-0{version[1]}T00:00:00.000000Z",
        "good_at": None,
        "bad_at": None,
        "reason": None,
        **fields,
    }


def fleet(text, active=None, done=True, previous=None):
    """``"v1+ v2- v3"``: v1 was proven good, v2 is bad, v3 is only staged."""
    releases = {}
    for word in text.split():
        version = word.rstrip("+-")
        when = f"2026-02-0{version[1]}T00:00:00.000000Z"
        mark = {"+": {"good_at": when}, "-": {"bad_at": when}}.get(word[-1], {})
        releases[version] = record(version, **mark)
    activation = {"version": active, "previous": previous, "done_at": "x" if done else None} if active else {}
    return found.Found(active=active, activation=activation, number=0, releases=releases)


@pytest.mark.parametrize(
    ("releases", "active", "keep_good", "kept"),
    [
        pytest.param("v1+ v2+ v3+ v4+", "v4", 3, "v2 v3 v4", id="the newest good ones stay"),
        pytest.param("v1+ v2+ v3+ v4+", "v4", 1, "v3 v4", id="the way back stays though only one is to be kept"),
        pytest.param(
            "v1+ v2+ v3+ v4+", "v1", 1, "v1 v4", id="an old active one stays, the newest good is its way back"
        ),
        pytest.param("v1+ v2+ v3- v4+", "v4", 3, "v1 v2 v4", id="a bad one goes"),
        pytest.param("v1+ v2+ v3 v4+", "v4", 3, "v1 v2 v4", id="one that was never proven goes"),
        pytest.param("v1+ v2+ v3-", "v3", 1, "v2 v3", id="the active one stays though it is bad"),
        pytest.param("v1+", "v1", 3, "v1", id="there is nothing to remove"),
        pytest.param("v1 v2", None, 3, "", id="nothing active and nothing good"),
    ],
)
def test_prune(releases, active, keep_good, kept):
    assert " ".join(sorted(plan.pruned(fleet(releases, active), keep_good).releases)) == kept


def test_a_switch_that_was_begun_keeps_both_its_ends():
    state = fleet("v1+ v2+ v3+ v4", "v4", done=False, previous="v1")
    assert sorted(plan.pruned(state, 1).releases) == ["v1", "v3", "v4"]


def test_good_keeps_the_first_proof():
    state = fleet("v1+ v2+", "v1")
    assert plan.good(state, "v1", "2027") == state


def test_good_clears_bad_and_bad_clears_good():
    state = plan.bad(fleet("v1+", "v1"), "v1", "2027", "its gate failed")
    assert found.shown(state)["releases"] == {"v1": "bad: its gate failed"}
    assert state.releases["v1"]["good_at"] is None
    assert found.shown(plan.good(state, "v1", "2028"))["releases"] == {"v1": "good"}


def test_bad_keeps_the_first_moment_and_an_old_reason_that_no_new_one_replaces():
    state = plan.bad(fleet("v1"), "v1", "2027", "slow")
    assert plan.bad(state, "v1", "2028", "") == state
    assert plan.bad(state, "v1", "2028", "wrong").releases["v1"]["bad_at"] == "2027"


@pytest.mark.parametrize(
    ("latest", "seconds", "moment"),
    [
        pytest.param("", 0.25, "1970-01-01T00:00:00.250000Z", id="nothing on record"),
        pytest.param("2026-01-01T00:00:00.000000Z", 1.8e9, "2027-01-15T08:00:00.000000Z", id="the clock is ahead"),
        pytest.param("2026-01-01T00:00:00.999999Z", 0, "2026-01-01T00:00:01.000000Z", id="the clock was set back"),
    ],
)
def test_moments_only_grow(latest, seconds, moment):
    state = found.Found(None, {}, 0, {"v1": record("v1", staged_at=latest)})
    assert plan.moment(state, seconds) == moment


@pytest.mark.parametrize(
    ("active", "done", "version", "previous"),
    [
        pytest.param("v1", True, "v2", "v1", id="what is active becomes the previous one"),
        pytest.param("v2", False, "v2", "v1", id="a switch that was begun remembers it"),
        pytest.param(None, True, "v2", None, id="the first release has none"),
    ],
)
def test_previous(active, done, version, previous):
    state = fleet("v1+ v2", active, done, previous="v1" if active == "v2" else None)
    assert plan.switching(state, version, "now")["previous"] == previous


def test_releases_are_listed_oldest_proven_first():
    state = fleet("v1 v2+ v3+", "v3")
    state.releases["v1"]["good_at"] = "2026-03-01T00:00:00.000000Z"
    assert [entry["version"] for entry in found.listed(state)] == ["v2", "v3", "v1"]
