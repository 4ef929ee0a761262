# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from demo import play
from demo.play import Play, Running, playbook


@pytest.fixture(autouse=True)
def _python_for_ansible(monkeypatch):
    """What stands for ansible-playbook here is Python, its playbooks are programs."""
    monkeypatch.setattr(play, "tool", lambda name: sys.executable)


def a_play(tmp_path: Path, *programs: str, fails: bool = False) -> Play:
    return Play("step", "step", tmp_path / "step.log", [["-c", program] for program in programs], fails)


def ended(running: Running) -> Running:
    while running.poll():
        time.sleep(0.02)
    return running


@pytest.mark.parametrize(
    ("programs", "fails", "status", "ok"),
    [
        pytest.param(["print(1)", "print(2)"], False, 0, True, id="all succeed"),
        pytest.param(["exit(3)", "print(2)"], False, 3, False, id="the first fails"),
        pytest.param(["exit(2)"], True, 2, True, id="one that shall fail does"),
        pytest.param(["print(1)"], True, 0, False, id="one that shall fail succeeds"),
    ],
)
def test_how_a_step_ends(tmp_path, programs, fails, status, ok):
    with Running(a_play(tmp_path, *programs, fails=fails)) as running:
        assert (ended(running).status, running.ok) == (status, ok)
    said = running.tail(99)
    assert ("2" in said) == (programs[0] == "print(1)" and len(programs) == 2), "nothing runs after a failure"


def test_the_task_that_it_is_at(tmp_path):
    log = "PLAY [All] ****\\n\\nTASK [First one] ****\\nok: [a]\\n\\nTASK [golden.fleet.member : Drain | Wait] ****\\n"
    with Running(a_play(tmp_path, f"print('{log}')")) as running:
        assert ended(running).task() == "Drain | Wait"


def test_before_its_first_task_it_is_at_none(tmp_path):
    with Running(a_play(tmp_path, "print('PLAY [All] ****')")) as running:
        assert ended(running).task() == ""


def test_nothing_is_left_behind(tmp_path):
    with Running(a_play(tmp_path, "import time; time.sleep(60)")) as running:
        process = running._process
        assert running.poll()
    assert process is not None
    assert process.poll() is not None
    assert not running.ok


def test_a_playbook_and_its_variables():
    assert playbook("rollout", Path("inventories/lab"), service="web", version="1+x") == [
        *("playbooks/rollout.yml", "-i", "inventories/lab"),
        *("-e", "service=web", "-e", "version=1+x"),
    ]
