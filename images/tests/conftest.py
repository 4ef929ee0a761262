# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the host is reached, and that one that can't be is told from one that fails a test: only that says something.

IMAGE_REACHED has it in JSON, by Ansible's names for a connection over SSH. Without it pytest's option --hosts counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
import testinfra
from testinfra.backend.base import CommandResult
from testinfra.host import Host

# ssh's own status, which is no status of what was run.
_SSH_FAILED = 255
# How pytest ends where it was cut off.
_INTERRUPTED = 2

if "IMAGE_REACHED" in os.environ:
    # Not by pytest-testinfra's way through an inventory, for which all of Ansible is loaded and asked.
    @pytest.fixture(scope="session")
    def host() -> Host:
        reached = json.loads(os.environ["IMAGE_REACHED"])
        return testinfra.get_host(
            f"ssh://{reached['ansible_user']}@{reached['ansible_host']}:{reached.get('ansible_port', 22)}",
            ssh_identity_file=reached["ansible_ssh_private_key_file"],
            ssh_extra_args=reached["ansible_ssh_common_args"],
            sudo=reached.get("ansible_become", False),
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    try:
        return (yield)
    except RuntimeError as error:
        seen = error.args[0] if error.args else None
        if not isinstance(seen, CommandResult) or seen.rc != _SSH_FAILED:
            raise
        said = " ".join(seen.stderr.split())
        pytest.exit(f"the host can't be reached any more: {said}", returncode=_INTERRUPTED)
