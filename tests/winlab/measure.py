# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How fast the emulated host is behind the real clients.

    python -m tests.winlab.measure

Prints, by connection plugin: a ping as a whole process, 50 pings of one task, the play of the tests for one host and
for ten hosts of one process, and a file of 20 MB. What Ansible takes by itself is the first line of each.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import yaml

from .lab import Connection, Lab
from .pytest_plugin import Done, run_module, run_play

_PLAY = Path(__file__).parent / "tests" / "play.yml"


def _timed(run: Any) -> float:
    began = time.monotonic()
    done: Done = run()
    if done.rc != 0:
        raise SystemExit(done.output)
    return time.monotonic() - began


def _play(folder: Path, name: str, task: dict[str, Any]) -> Path:
    file = folder / f"{name}.yml"
    file.write_text(yaml.safe_dump([{"name": name, "hosts": "windows", "gather_facts": False, "tasks": [task]}]))
    return file


def measure(connection: Connection, folder: Path) -> dict[str, float]:
    os.environ["ANSIBLE_FORKS"] = "10"
    big = folder / "big.bin"
    big.write_bytes(os.urandom(20_000_000))
    nothing = _play(folder, "nothing", {"ansible.builtin.meta": "noop"})
    pings = _play(folder, "pings", {"ansible.windows.win_ping": {}, "loop": "{{ range(50) | list }}"})
    copy = _play(folder, "copy", {"ansible.windows.win_copy": {"src": str(big), "dest": "C:\\Temp\\big.bin"}})
    with Lab(10, connection=connection, folder=folder / connection) as lab:
        hosts = {host.name: lab.variables(host) for host in lab.hosts}
        one = {"win1": hosts["win1"]}
        return {
            "Ansible alone": _timed(lambda: run_play(folder, one, nothing)),
            "a ping": _timed(lambda: run_module(folder, one["win1"], "win_ping", {})),
            "50 pings in one task": _timed(lambda: run_play(folder, one, pings)),
            "the play of the tests": _timed(lambda: run_play(folder, one, _PLAY)),
            "the same, 10 hosts": _timed(lambda: run_play(folder, hosts, _PLAY)),
            "20 MB by win_copy": _timed(lambda: run_play(folder, one, copy)),
        }


def main() -> None:
    for connection in get_args(Connection):
        with tempfile.TemporaryDirectory(prefix="winlab-") as folder:
            for what, seconds in measure(connection, Path(folder)).items():
                print(f"{connection:6} {what:24} {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
