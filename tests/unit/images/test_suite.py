# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The suite for images, about a host that isn't there: that is no verdict on an image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]


REACHED = {
    **{"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": "operator", "ansible_become": True},
    **{"ansible_ssh_private_key_file": "/dev/null", "ansible_ssh_common_args": "-o ConnectionAttempts=1"},
}


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        pytest.param(["--hosts=ssh://127.0.0.1:1"], {}, id="by pytest-testinfra's own options"),
        pytest.param([], {"IMAGE_REACHED": json.dumps(REACHED)}, id="as a bake says"),
    ],
)
def test_a_host_that_cannot_be_reached_ends_it_with_a_status_of_its_own(
    options: list[str], environment: dict[str, str]
) -> None:
    suite = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=images/tests", "images/tests"]
    env = {**os.environ, **environment}
    ran = subprocess.run([*suite, *options], cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stdout
    assert "the host can't be reached any more: ssh: connect to host 127.0.0.1 port 1" in ran.stdout
