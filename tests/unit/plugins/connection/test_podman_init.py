# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a command in a container may do; that it gets there is shown by every bake."""

from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.connection.podman_init import capabilities


@pytest.mark.parametrize(
    ("bound", "kept"),
    [
        pytest.param("0000000000000000", "-all", id="a process without any leaves none"),
        pytest.param("0000000000200001", "-all,+cap_0,+cap_21", id="each one that the process has is kept"),
    ],
)
def test_no_more_than_the_first_process_has(bound: str, kept: str) -> None:
    assert capabilities(f"Name:\tsystemd\nCapEff:\t000001ffffffffff\nCapBnd:\t{bound}\n") == kept
