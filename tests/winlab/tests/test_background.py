# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""winlab as a process of its own: one at a time, found again, replaced, ended, and cleaned up after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.winlab.background import BackgroundError, end, found, held

Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "process"
    end(tmp_path / "process")


@pytest.fixture
def winlab(file: Path) -> Callable[..., Ran]:
    """Runs the command, as a playbook does."""
    options = ["--scheme", "http", "--inventory", str(file.parent / "hosts.yml"), "--folder", str(file.parent / "lab")]

    def run(word: str, *more: str) -> Ran:
        command = [sys.executable, "-m", "tests.winlab", word, str(file), *more, *(options if word != "--end" else [])]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_it_is_started_kept_replaced_and_ended(winlab: Callable[..., Ran], file: Path) -> None:
    assert winlab("--background", "--dry-run").stdout == "started\n"
    assert found(file) is None
    assert winlab("--background").stdout == "started\n"
    first = found(file)
    assert first is not None
    assert winlab("--background").stdout == "kept\n"
    assert found(file) == first
    assert winlab("--background", "--hosts", "2", "--dry-run").stdout == "restarted\n"
    assert found(file) == first
    assert winlab("--background", "--names", "one,two").stdout == "restarted\n"
    second = found(file)
    assert second is not None
    assert second["pid"] != first["pid"]
    assert "two" in (file.parent / "hosts.yml").read_text()
    assert winlab("--end", "--dry-run").stdout == "stopped\n"
    assert found(file) == second
    assert winlab("--end").stdout == "stopped\n"
    assert found(file) is None
    assert winlab("--end").stdout == "absent\n"


def test_one_that_was_killed_is_started_again_and_its_programs_are_ended(
    winlab: Callable[..., Ran], file: Path
) -> None:
    assert winlab("--background").stdout == "started\n"
    known = found(file)
    assert known is not None
    # As the engine of Mono starts a program of a host, as Wine does; and one of somebody else, in the same folder.
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    words = [*sleep, f"{known['folder']}/win1/C/shop/Shop.exe"]
    mono = subprocess.Popen(words, env={**os.environ, "WINLAB_ADDRESS": "127.0.0.1"})
    wine = subprocess.Popen(sleep, env={**os.environ, "WINEPREFIX": f"{known['folder']}/win1/wine"})
    others = subprocess.Popen(words)
    try:
        os.kill(known["pid"], signal.SIGKILL)
        _wait(lambda: found(file) is None)
        assert winlab("--background").stdout == "started\n"
        assert mono.wait(5) == wine.wait(5) == -signal.SIGKILL
        assert others.poll() is None
    finally:
        for process in (mono, wine, others):
            process.kill()
            process.wait()


def test_why_it_does_not_start_is_said(winlab: Callable[..., Ran], file: Path) -> None:
    done = winlab("--background", "--addresses", "192.0.2.1")  # which no machine has
    assert done.returncode != 0
    assert "Cannot assign requested address" in done.stderr
    assert "2 addresses for them" in winlab("--background", "--addresses", "127.0.0.1,127.0.0.2").stderr
    assert found(file) is None


def test_a_file_has_one_holder(file: Path) -> None:
    with held(file), pytest.raises(BackgroundError, match="another winlab keeps"), held(file):
        pass


def _wait(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.02)
