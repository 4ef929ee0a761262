# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contract's commands: what they see, how long they may take, what is said when they fail."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.commands import run_all
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import CommandError


@pytest.fixture
def run(tmp_path):
    def run(*commands, timeout_seconds=10.0):
        given = {"stage": "activate", "root": "/srv/web", "path": str(tmp_path), "version": "v1"}
        run_all([["sh", "-c", command] for command in commands], timeout_seconds=timeout_seconds, **given)

    return run


def ended(process):
    """Whether it ends within seconds. Its parent is gone: until init buries it, it is a zombie."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{process}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_they_see_a_small_known_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "word")
    run("env > seen")
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    seen = {name: value for name, value in seen.items() if name not in ("PWD", "_", "SHLVL", "OLDPWD")}
    assert seen == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": os.path.expanduser("~"),
        "RELEASE_ROOT": "/srv/web",
        "RELEASE_PATH": str(tmp_path),
        "RELEASE_VERSION": "v1",
    }


def test_the_first_failure_ends_it_and_shows_its_last_lines(run, tmp_path):
    with pytest.raises(CommandError) as raised:
        run("for n in $(seq 100); do echo line $n; done; exit 7", "touch second")
    message = str(raised.value)
    assert message.startswith("activate v1: `sh -c 'for n in ")
    assert "ended with status 7" in message
    assert message.endswith("line 99\nline 100")
    assert "line 80\n" not in message
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("exit 1", "it said nothing"),
        ("kill -9 $$", "killed by signal 9"),
        ("yes | head -c 3000000; echo the end; exit 1", "the end"),
        ("printf '\\377\\376'; exit 1", "ended with status 1"),
    ],
)
def test_every_failure_has_words(run, command, message):
    with pytest.raises(CommandError, match=message):
        run(command)


def test_a_command_that_takes_too_long_goes_with_all_it_started(run, tmp_path):
    with pytest.raises(CommandError, match=r"time limit of 0\.3 s is over.*\nstarted"):
        run("sleep 60 & echo $! > child; echo started; wait", timeout_seconds=0.3)
    assert ended(int((tmp_path / "child").read_text()))


def test_the_limit_is_for_all_of_them_together(run):
    with pytest.raises(CommandError, match="time limit"):
        run("sleep 0.2", "sleep 5", timeout_seconds=0.4)


def test_a_daemon_that_keeps_the_output_open_is_not_waited_for(run, tmp_path):
    started = time.monotonic()
    run("sleep 30 & echo $! > child")
    assert time.monotonic() - started < 5
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_one_that_closes_its_output_is_waited_for(run, tmp_path):
    run("exec >&- 2>&-; sleep 0.2; touch done")
    assert (tmp_path / "done").exists()
