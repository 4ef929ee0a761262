# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever was done, in the end all members serve customers, and nobody holds one or the service."""

from __future__ import annotations

SERVICE = "swagger_ui"
testinfra_hosts = ["ansible://balancers"]


def test_every_member_is_online(lab, host, online):
    assert online(host, SERVICE) == sorted(lab.services[SERVICE].members)


def test_no_lease_and_no_lock_is_left(host, kept):
    state = kept(host, SERVICE)
    assert (state["leases"], state["lock"]) == ({}, None)
