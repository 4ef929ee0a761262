# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine killed before each of its effects, one after the other, on a member's whole way out and back."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

from tests.unit.haproxy import Fleet

_ROOT = pathlib.Path(__file__).parents[5]

# Goes the whole way of a member; kills itself before its effect number argv[1]: a write or a command to HAProxy.
_WAY = """
import json, os, signal, sys
from ansible_collections.golden.fleet.plugins.module_utils._pool import engine, haproxy, pools, record
left, places, pid = int(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])

def deadly(module, name, has_effect=lambda *_: True):
    real = getattr(module, name)
    def effect(*arguments):
        global left
        if has_effect(*arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(module, name, effect)

deadly(pools, "atomic_write")
deadly(record, "atomic_write_json")
deadly(haproxy, "_exchange", lambda path, command: command.startswith("set "))

def do(op, **params):
    answer = engine.main({"op": op, "service": "shop", "member": "web1", **places, **params})
    if answer.get("failed") or "refused" in answer:
        sys.exit(f"{op}: {answer}")
    return answer

owner = {"name": f"user{pid}@ctl", "pid": pid}
number = do("lock", owner=owner, rollout=f"r{pid}", version="2", ttl=60, steal=True)["number"]
do("reserve", number=number, floor=2, window=1, lease_seconds=60)
assert do("drain", number=number, seconds=5)["drained"]
assert do("prepare", number=number, seconds=5)["healthy"]
do("admit", number=number)
do("unlock", number=number)
"""


def go(fleet: Fleet, effects: int, pid: int) -> int:
    places = json.dumps(fleet.balancers["lb1"].places)
    command = [sys.executable, "-c", _WAY, str(effects), places, str(pid)]
    run = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(_ROOT / "collections")},
        capture_output=True,
        text=True,
    )
    assert run.returncode in (0, -signal.SIGKILL), run.stderr
    return run.returncode


def test_killed_anywhere_the_member_is_online_or_leased_and_the_next_run_brings_it_in(fleet: Fleet) -> None:
    fleet.open()
    lb1 = fleet.balancers["lb1"]
    effects, killed = 0, -signal.SIGKILL
    while killed:
        effects += 1
        killed = go(fleet, effects, pid=2 * effects)
        leased = "web1" in lb1.record()["leases"]
        assert leased or fleet.pools()["web1"] == "online", f"killed before effect {effects}"
        # The death of the balancer, too, leaves the member where it is.
        if effects % 3 == 0:
            before = fleet.pools()
            lb1.kill()
            lb1.start()
            assert leased or fleet.pools() == before
        if killed:
            assert go(fleet, 0, pid=2 * effects + 1) == 0
        assert fleet.pools() == dict.fromkeys(fleet.members, "online")
        assert (lb1.record()["leases"], lb1.record()["lock"]) == ({}, None)
    assert effects > 12
