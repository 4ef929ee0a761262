# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process numbers of hosts that are being started, with a podman that does no more than write one down."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman.hosts import locked
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError

PODMAN = """#!/bin/sh
while [ "$1" != --pidfile ]; do shift; done
echo 4711 >"$2"
echo "$2" >"$(dirname "$0")/asked"
exit STATUS
"""


@pytest.fixture
def lab() -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    os.unlink(f"/run/lock/golden-fleet-{name}.lock")


def pid_files(lab: str) -> list[Path]:
    return list(Path("/run/lock").glob(f"golden-fleet-{lab}.*.pid"))


def podman(lab: str, folder: Path, status: int) -> Podman:
    script = folder / "podman"
    script.write_text(PODMAN.replace("STATUS", str(status)), encoding="ascii")
    script.chmod(0o755)
    return Podman(lab, str(script))


def test_a_host_that_starts_leaves_no_file(lab: str, tmp_path: Path) -> None:
    with locked(lab):
        assert podman(lab, tmp_path, 0).create("web1", "10.0.0.2", image="x", capabilities=()) == 4711
        assert pid_files(lab) == []


def test_what_is_left_when_everything_dies_goes_with_the_next_change_of_the_lab(lab: str, tmp_path: Path) -> None:
    with pytest.raises(PodmanError):
        podman(lab, tmp_path, 7).create("web1", "10.0.0.2", image="x", capabilities=())
    (left,) = pid_files(lab)
    assert left.name == f"golden-fleet-{lab}.web1.pid", "as where podman was done and nobody came to read it"
    with locked(lab):
        assert pid_files(lab) == []


def test_the_folder_is_one_that_is_always_there(lab: str, tmp_path: Path) -> None:
    podman(lab, tmp_path, 0).create("web1", "10.0.0.2", image="x", capabilities=())
    with locked(lab):
        pass
    # Podman, asked to start the host again, writes to the same path.
    assert (tmp_path / "asked").exists()
    assert Path((tmp_path / "asked").read_text(encoding="ascii").strip()).parent.is_dir()
