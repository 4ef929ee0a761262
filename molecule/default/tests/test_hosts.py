# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each host of the lab is a machine of its own."""

from __future__ import annotations

testinfra_hosts = ["ansible://linux"]


def test_systemd_runs_it_and_no_unit_has_failed(host):
    assert host.file("/proc/1/comm").content_string.strip() == "systemd"
    assert host.check_output("systemctl is-system-running") == "running"


def test_it_bears_its_name(host):
    assert host.check_output("hostname") == host.backend.get_hostname()
