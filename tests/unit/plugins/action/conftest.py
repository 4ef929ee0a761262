# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Actions as a playbook meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[4]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


@pytest.fixture
def play(tmp_path):
    """Runs tasks in one play; returns what each registered as ``one``, ``two`` and so on, and the output."""

    def run(*tasks, arguments=(), variables=None):
        names = [f"result_{number}" for number in range(len(tasks))]
        for task, name in zip(tasks, names):
            task.update(register=name, ignore_errors=True)
        seen = "{{ names | map('extract', hostvars['here']) | to_json }}"
        write = {"ansible.builtin.copy": {"content": seen, "dest": f"{tmp_path}/seen.json"}, "vars": {"names": names}}
        plays = [
            {"hosts": "here", "gather_facts": False, "tasks": list(tasks)},
            {"hosts": "localhost", "gather_facts": False, "tasks": [{**write, "check_mode": False, "diff": False}]},
        ]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
        hosts = {"here": {"ansible_connection": "local", **(variables or {})}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        command = [PLAYBOOK, "-i", tmp_path / "hosts.yml", tmp_path / "play.yml", *arguments]
        environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((tmp_path / "seen.json").read_text()), done.stdout

    return run
