# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must hold on a host launched from an image, whatever the service and the provider; golden.fleet.bakery runs it.

IMAGE_ROOT=/srv/hello IMAGE_RELEASES="2 1" pytest --hosts=ssh://USER@HOST --sudo images/tests
"""

from __future__ import annotations

import json
import os

import pytest

ROOT = os.environ.get("IMAGE_ROOT", "")
RELEASES = os.environ.get("IMAGE_RELEASES", "").split()


def booted_at(host) -> int:
    return int(host.check_output("stat --format=%Y /proc/1"))


def older_than_its_boot(host, *found: str) -> list[str]:
    """Files that ``find`` finds, and that were there before the host was."""
    before = f"! -newermt @{booted_at(host) - 1}"
    return host.check_output(f"find {' '.join(found)} -type f {before} -size +0 2>/dev/null || true").split()


def test_it_runs(host) -> None:
    assert host.check_output("systemctl is-system-running || true") == "running"
    assert host.check_output("systemctl --failed --plain --no-legend") == ""


def test_it_has_made_keys_and_an_identity_of_its_own(host) -> None:
    assert older_than_its_boot(host, "/etc/ssh/ssh_host_*") == []
    assert older_than_its_boot(host, "/etc/machine-id", "/var/lib/dbus/machine-id") == []
    assert len(host.file("/etc/machine-id").content_string.strip()) == 32


def test_it_tells_nothing_of_its_making(host) -> None:
    assert older_than_its_boot(host, "/var/log", "/run/log", "/tmp", "/var/tmp") == []
    assert older_than_its_boot(host, "/root/.ssh", "/root/.ansible", "/home/*/.ssh", "/home/*/.ansible") == []
    assert older_than_its_boot(host, "/root/.bash_history", "/home/*/.bash_history") == []


def test_it_holds_no_cache_of_packages(host) -> None:
    assert host.check_output("find /var/cache/apt/archives -name '*.deb'") == ""
    assert host.check_output("find /var/lib/apt/lists -type f -name '*Packages*'") == ""


@pytest.mark.skipif(not RELEASES, reason="IMAGE_RELEASES names no release")
def test_it_carries_the_releases_to_go_back_to(host) -> None:
    for version in RELEASES:
        record = json.loads(host.file(f"{ROOT}/records/{version}.json").content_string)
        assert record["good_at"], f"{version} was proven good"
        assert host.file(f"{ROOT}/releases/{version}").is_directory
    assert host.check_output(f"readlink {ROOT}/current").rpartition("/")[2] == RELEASES[0]
