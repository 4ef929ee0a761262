# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One bake at a time, with real processes."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _bake_lock
from ansible_collections.golden.fleet.plugins.plugin_utils._bake_lock import BakeBusyError, hold, release
from ansible_collections.golden.fleet.plugins.plugin_utils._rollout_lock import this_process


@pytest.fixture
def bake() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for the playbook of another bake."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "work" / "lock"


def me() -> dict[str, Any]:
    return this_process(1)


def test_it_is_held_until_it_is_given_back(lock: Path, bake: subprocess.Popen[bytes]) -> None:
    other, said = this_process(bake.pid), list[str]()
    assert hold(lock, other, 0, said.append)
    assert not hold(lock, other, 0, said.append), "the same playbook has it already"
    with pytest.raises(BakeBusyError, match=f"process {bake.pid} is baking.* waited 0.5 s for it"):
        hold(lock, me(), 0.5, said.append)
    assert len(said) == 1
    assert not release(lock, me()), "it is another's"
    assert release(lock, other)
    assert hold(lock, me(), 0, said.append)
    assert not release(lock, other)


def test_it_is_nobodys_once_its_playbook_is_dead(lock: Path, bake: subprocess.Popen[bytes]) -> None:
    hold(lock, this_process(bake.pid), 0, print)
    bake.kill()
    bake.wait()
    assert hold(lock, me(), 0, print)


def test_nobody_waits_for_a_playbook_that_has_ended(lock: Path, bake: subprocess.Popen[bytes]) -> None:
    hold(lock, me(), 0, print)
    waiting = this_process(bake.pid)
    bake.kill()
    bake.wait()
    with pytest.raises(BakeBusyError, match="the playbook that waited for it has ended"):
        hold(lock, waiting, 60, print)


def test_a_packer_that_outlives_its_playbook_is_waited_for(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock.parent.mkdir()
    said: list[str] = []
    with lock.open("w") as packer:
        fcntl.flock(packer, fcntl.LOCK_EX)
        with pytest.raises(BakeBusyError, match="the Packer of an earlier bake is still under way"):
            hold(lock, me(), 0, said.append)
        monkeypatch.setattr(_bake_lock.time, "sleep", lambda seconds: fcntl.flock(packer, fcntl.LOCK_UN))
        assert hold(lock, me(), 5, said.append)
    assert len(said) == 1
