# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One play over each way in. It asserts through Ansible, so that it can be run against a real host as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.winlab.pytest_plugin import Ansible

_PLAY = Path(__file__).with_name("play.yml")


def test_the_play_passes_over_each_way_in(windows_hosts: dict[str, dict[str, Any]], ansible_playbook: Ansible) -> None:
    done = ansible_playbook(windows_hosts, _PLAY)
    assert done.rc == 0, done.output
    assert set(done.counts) == set(windows_hosts)
    assert {one["failures"] + one["unreachable"] for one in done.counts.values()} == {0}


# As playbooks/reboot.yml has it. An emulated one is rebooted in test_wire.py, in less time.
@pytest.mark.destructive
def test_a_reboot_is_waited_for(windows_host: dict[str, Any], ansible: Ansible) -> None:
    done = ansible(windows_host, "win_reboot", {"pre_reboot_delay": 2, "connect_timeout": 2})
    assert done.rc == 0, done.output
    assert done.result["rebooted"]
