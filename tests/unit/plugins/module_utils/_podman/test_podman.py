# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What podman is told about a host."""

from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman import podman


@pytest.mark.parametrize(
    ("systemd", "launched", "options"),
    [
        pytest.param(False, False, ("--cgroup-parent", "/"), id="beside the sessions of this machine, not below one"),
        pytest.param(False, True, ("--cgroup-parent", "/", "--cpu-shares", "128"), id="less for one that is launched"),
        pytest.param(True, False, (), id="systemd weighs machines against users by itself"),
        pytest.param(True, True, ("--cpu-shares", "128"), id="where systemd runs, launched"),
    ],
)
def test_what_a_host_gets_of_the_processors(monkeypatch, tmp_path, systemd, launched, options):
    monkeypatch.setattr(podman, "_SYSTEMD_RUNS", str(tmp_path if systemd else tmp_path / "none"))
    assert podman.processor_share(launched) == options
