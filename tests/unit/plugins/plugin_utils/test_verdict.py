# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _verdict


def planned(action="change", previous="1", proven=False):
    return {"action": action, "from": "1", "previous": previous, "proven": proven, "pool": "online"}


def rollout(failures=0, canary="a", idle=False, **members):
    plans = {name: planned() for name in "abc"} | members
    return {
        "service": "shop",
        "version": "2",
        "members": list(plans),
        "contract": {"budget": {"failures": failures}},
        "plan": {"idle": idle, "canary": canary, "members": plans, "zones": {}},
    }


def pool(failures=(), stop=None):
    said = [{"member": member, "reason": "gate health failed", "at": 1} for member in failures]
    return {"balancers": {"lb1": {"lock": {"failures": said, "stop": stop}}}}


CHANGED = {"result": "changed", "version": "2", "detail": ""}
NOT_TAKEN = {"result": "not_taken", "version": "2", "detail": "the budget is spent"}
BACK = {"result": "turned_back", "version": "1", "unproven": True, "detail": "gate health failed"}
LOST = {"result": "out", "version": "", "unproven": False, "detail": "can't be reached"}
STOP = {"by": "ann@desk", "reason": "lunch", "at": 1}


@pytest.mark.parametrize(
    ("run", "outcomes", "seen", "ended", "turn_back", "mark", "settle"),
    [
        pytest.param(rollout(), dict.fromkeys("abc", CHANGED), pool(), "done", [], "good", ["a", "b", "c"], id="all"),
        pytest.param(
            rollout(canary="", a=planned("pass"), b=planned("pass"), c=planned("pass")),
            {},
            pool(),
            "done",
            [],
            "good",
            ["a", "b", "c"],
            id="nothing but the proof is missing",
        ),
        pytest.param(
            rollout(canary="", idle=True, a=planned("pass"), b=planned("pass"), c=planned("pass")),
            {},
            pool(),
            "done",
            [],
            "good",
            [],
            id="nothing to do",
        ),
        pytest.param(
            rollout(failures=3),
            {"a": BACK},
            pool("a"),
            "turned_back",
            [],
            "bad",
            ["a", "b", "c"],
            id="a canary that fails ends it whatever the budget",
        ),
        pytest.param(
            rollout(),
            {"a": CHANGED, "b": BACK, "c": NOT_TAKEN},
            pool("b"),
            "turned_back",
            ["a"],
            "bad",
            ["a", "b", "c"],
            id="over the budget those that were changed go back",
        ),
        pytest.param(
            rollout(a=planned("pass", proven=True)),
            {"b": BACK, "c": NOT_TAKEN},
            pool("b"),
            "turned_back",
            [],
            "bad",
            ["b", "c"],
            id="who ran the release before and had proven it keeps it",
        ),
        pytest.param(
            rollout(a=planned(proven=True)),
            {"a": CHANGED, "b": BACK, "c": NOT_TAKEN},
            pool("b"),
            "turned_back",
            ["a"],
            "bad",
            ["b", "c"],
            id="who was changed goes back, but what was proven on it before is not bad there",
        ),
        pytest.param(
            rollout(a=planned("pass")),
            {"b": CHANGED, "c": BACK},
            pool("c"),
            "turned_back",
            ["a", "b"],
            "bad",
            ["a", "b", "c"],
            id="who was changed by a run that died goes back too",
        ),
        pytest.param(
            rollout(failures=1),
            {"a": CHANGED, "b": LOST, "c": CHANGED},
            pool("b"),
            "partly",
            [],
            "good",
            ["a", "c"],
            id="within the budget the others go on",
        ),
        pytest.param(
            rollout(),
            {"a": CHANGED, "b": LOST, "c": NOT_TAKEN},
            pool("b"),
            "turned_back",
            ["a"],
            "",
            [],
            id="a host that vanished says nothing bad of the release",
        ),
        pytest.param(
            rollout(), {"a": CHANGED, "b": NOT_TAKEN}, pool(stop=STOP), "stopped", [], "", [], id="stopped on request"
        ),
        pytest.param(
            rollout(), {"a": NOT_TAKEN}, pool(stop=STOP), "stopped", [], "", [], id="stopped before the canary"
        ),
    ],
)
def test_the_verdict(run, outcomes, seen, ended, turn_back, mark, settle):
    verdict = _verdict.judge(run, outcomes, seen)
    assert (verdict["ended"], verdict["turn_back"], verdict["mark"], verdict["settle"]) == (
        ended,
        turn_back,
        mark,
        settle,
    )


def test_a_rollout_that_is_done_has_no_failure():
    outcomes = dict.fromkeys("abc", CHANGED)
    assert _verdict.failure(rollout(), _verdict.judge(rollout(), outcomes, pool()), outcomes) == ""


@pytest.mark.parametrize(
    ("outcomes", "seen", "words"),
    [
        pytest.param({"a": BACK}, pool("a"), ["shop 2 was turned back", "a: gate health failed"], id="turned back"),
        pytest.param(
            {"a": CHANGED, "b": NOT_TAKEN},
            pool(stop=STOP),
            ["was stopped", "ann@desk (lunch)", "1 of 3 members"],
            id="stopped",
        ),
        pytest.param(
            {"a": CHANGED, "b": LOST}, pool("b"), ["Left out of the online pool: b (can't be reached)"], id="left out"
        ),
    ],
)
def test_what_a_failure_says(outcomes, seen, words):
    text = _verdict.failure(rollout(), _verdict.judge(rollout(), outcomes, seen), outcomes)
    assert all(word in text for word in words), text


PROVEN = {"result": "proven", "version": "", "detail": "it is in the idle slot"}


def test_those_that_were_proven_may_be_switched_and_say_nothing_against_the_release():
    verdict = _verdict.judge(rollout(), dict.fromkeys("abc", PROVEN), pool())
    assert (verdict["proven"], verdict["ended"], verdict["turn_back"]) == (["a", "b", "c"], "partly", [])
    failed = {"result": "untouched", "version": "1", "unproven": True, "detail": "gate pages failed"}
    verdict = _verdict.judge(rollout(), {"a": PROVEN, "b": failed, "c": PROVEN}, pool(["b"]))
    assert (verdict["ended"], verdict["turn_back"], verdict["mark"]) == ("turned_back", [], "bad")
    verdict = _verdict.judge(rollout(failures=1), {"a": PROVEN, "b": failed, "c": PROVEN}, pool(["b"]))
    assert (verdict["proven"], verdict["ended"]) == (["a", "c"], "partly")


def test_one_that_could_neither_be_switched_nor_back_is_named():
    doubtful = {"result": "failed", "version": "", "unproven": False, "detail": "the disk is broken"}
    outcomes = {"a": {**BACK, "unproven": False}, "b": doubtful, "c": {**BACK, "unproven": False}}
    verdict = _verdict.judge(rollout(), outcomes, pool(["b"]))
    said = _verdict.failure(rollout(), verdict, outcomes)
    assert "neither here nor there: b (the disk is broken)" in said
