# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The member that was left out runs what the others run."""

from __future__ import annotations

testinfra_hosts = ["ansible://web2"]


def test_the_release_of_the_fleet_is_active(host):
    assert host.file("/srv/swagger_ui/current").linked_to == "/srv/swagger_ui/releases/0.0.9"
