# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The suite for images, about a host that isn't there: that is no verdict on an image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def test_a_host_that_cannot_be_reached_ends_it_with_a_status_of_its_own() -> None:
    suite = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=images/tests", "images/tests"]
    ran = subprocess.run([*suite, "--hosts=ssh://127.0.0.1:1"], cwd=CHECKOUT, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stdout
    assert "the host can't be reached any more: ssh: connect to host 127.0.0.1 port 1" in ran.stdout
