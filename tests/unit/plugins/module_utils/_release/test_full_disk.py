# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A disk that is really full while a release is staged."""

from __future__ import annotations

import hashlib
import os
import subprocess

import pytest

from .conftest import file, tar_of


@pytest.fixture
def small_disk(root):
    """The service's root on a filesystem of one megabyte."""
    root.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=200", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=True)


FILLERS = {
    "by what it unpacks to": [(file(f"f{n}"), b"0" * 100_000) for n in range(15)],
    "by the artifact itself": [(file("random"), os.urandom(1_500_000))],
    "by the number of its files": [(file(f"f{n}"), b"0") for n in range(300)],
}


@pytest.mark.parametrize("members", FILLERS.values(), ids=FILLERS.keys())
def test_a_full_disk_leaves_the_active_release_and_nothing_half_made(
    stage, release, info, small_disk, tmp_path, members
):
    stage("v1")
    release("v1", "active")
    free = os.statvfs(small_disk)
    before = info()
    data = tar_of(members)
    (tmp_path / "large.tar.gz").write_bytes(data)
    result = release("v2", "staged", src=str(tmp_path / "large.tar.gz"), sha256=hashlib.sha256(data).hexdigest())
    assert result["kind"] == "disk"
    assert "the disk is full (No space left on device" in result["msg"]
    assert info() == before
    assert os.listdir(small_disk / "staging") == []
    now = os.statvfs(small_disk)
    assert (now.f_bfree, now.f_ffree) == (free.f_bfree, free.f_ffree)
    assert stage("v3")["changed"]


def test_a_command_that_fills_the_disk_leaves_nothing(stage, release, small_disk):
    stage("v1")
    release("v1", "active")
    result = stage("v2", prepare=[["dd", "if=/dev/zero", "of=large", "bs=100k", "count=20"]])
    assert "No space left on device" in result["msg"]
    assert os.listdir(small_disk / "releases") == ["v1"]
    assert os.listdir(small_disk / "staging") == []


def test_a_disk_too_full_for_a_marker_leaves_the_switch_undone(stage, release, info, small_disk):
    stage("v1", "v2")
    release("v1", "active")
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=4k"], capture_output=True)
    result = release("v2", "active")
    assert (result["kind"], info()["active"]) == ("disk", "v1")
    os.unlink(small_disk / "filler")
    assert release("v2", "active")["changed"]
