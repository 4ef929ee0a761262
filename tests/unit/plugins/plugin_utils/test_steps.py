# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._steps import converge


def seen(progress: str, changed: bool = False, done: bool = False, **also: Any) -> dict[str, Any]:
    asked = {"module_args": {"wait_seconds": 60, "pause_seconds": 5}}
    diff = {"before": {"now": progress}, "after": {"then": progress}}
    return {
        **{"progress": progress, "changed": changed, "done": done, "diff": diff, "invocation": asked, "carry": {}},
        **also,
    }


class Run:
    """One convergence over given answers, in a time of its own."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers: Iterator[dict[str, Any]] = iter(answers)
        self.carried: list[Mapping[str, Any]] = []
        self.said: list[str] = []
        self.now = 0.0
        self.result = converge(self._step, self.said.append, lambda: self.now, self._sleep)

    def _step(self, carry: Mapping[str, Any]) -> dict[str, Any]:
        self.carried.append(carry)
        return next(self._answers)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_changes_of_all_steps_count_and_progress_is_told_once() -> None:
    run = Run(
        seen("0 of 2", changed=True, carry={"begun": "then"}), seen("1 of 2"), seen("1 of 2"), seen("2 of 2", done=True)
    )
    assert run.result["changed"]
    assert run.result["diff"] == {"before": {"now": "0 of 2"}, "after": {"then": "2 of 2"}}
    assert run.said == ["0 of 2", "1 of 2"]
    assert run.carried[:2] == [{}, {"begun": "then"}]
    assert "failed" not in run.result


def test_what_is_there_already_takes_one_step() -> None:
    assert not Run(seen("2 of 2", done=True)).result["changed"]


def test_it_is_given_up_when_nothing_changes_any_more() -> None:
    run = Run(seen("1 of 2", changed=True), *[seen("1 of 2")] * 20)
    assert run.result["failed"]
    assert run.result["changed"]
    assert run.result["msg"] == "nothing has changed for 60 s: 1 of 2. The same command again goes on"
    assert run.now == 60


def test_slow_progress_is_progress() -> None:
    answers = [seen(f"{number} of 9") for number in range(9) for _ in range(12)]
    assert "failed" not in Run(*answers, seen("9 of 9", done=True)).result


def test_a_step_that_fails_ends_it_as_it_failed() -> None:
    run = Run(seen("1 of 2", changed=True), {"failed": True, "msg": "no credentials", "changed": False})
    assert (run.result["msg"], run.result["changed"]) == ("no credentials", True)
