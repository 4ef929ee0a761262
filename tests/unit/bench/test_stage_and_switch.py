# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the bench says of its figures, and what it counts of a command."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.bench.processor import taken
from tests.bench.stage_and_switch import judge

# Ends when the process that it leaves behind has used a processor.
LEAVES = """
import subprocess, sys
spin = "import time\\nwhile time.process_time() < 0.3: pass\\nprint(flush=True)\\ntime.sleep(60)"
left = subprocess.Popen(
    [sys.executable, "-c", spin], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
)
left.stdout.readline()
"""


def figures(ours: float) -> dict[str, Any]:
    """Ours as given, beside a play that takes 10 seconds and a pyinfra that takes 2."""
    units = {unit: {"stock": 10.0, "ours": ours, "pyinfra": 2.0, "fabric": 1.0} for unit in ("clock", "processor")}
    return {"rollout": units, "rollback": units}


def test_it_says_which_limits_are_missed() -> None:
    rows = {row["what"]: row["ok"] for row in judge({20: figures(2.3)})}
    assert rows == {
        "stage and switch, time of pyinfra's, 20 hosts": False,
        "stage and switch, time of hand-written's, 20 hosts": True,
        "rollback, time of pyinfra's, 20 hosts": False,
        "rollback, time of hand-written's, 20 hosts": False,
        "stage and switch, processor of hand-written's, 20 hosts": False,
    }


@pytest.mark.parametrize(("seconds", "ok"), [(35.0, True), (36.0, False)])
def test_time_may_grow_as_the_hosts_do(seconds: float, ok: bool) -> None:
    rows = judge({20: figures(2.0), 350: figures(seconds)})
    assert rows[-1] == {
        "what": "stage and switch, time of 20 hosts', 350 hosts",
        "share": seconds / 2,
        "limit": 17.5,
        "ok": ok,
    }


def test_what_a_detached_process_took_is_counted_too() -> None:
    took = taken([sys.executable, "-c", LEAVES])
    assert took.processor > 0.3


def test_a_command_that_fails_ends_the_bench() -> None:
    with pytest.raises(SystemExit, match="no such release"):
        taken(["sh", "-c", "echo no such release; exit 3"])
