# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever was done, in the end all members serve customers, and nobody holds one or the service."""

from __future__ import annotations

testinfra_hosts = ["ansible://balancers"]


def test_every_member_is_online(lab, host, online, service):
    assert online(host, service) == sorted(lab.services[service].members)


def test_no_lease_and_no_lock_is_left(host, kept, service):
    state = kept(host, service)
    assert (state["leases"], state["lock"]) == ({}, None)
