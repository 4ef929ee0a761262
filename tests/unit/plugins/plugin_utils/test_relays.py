# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members ask the relays of their own zone, each its share."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._relays import relays_of

HOSTS = {
    "relay1": {"zone": "a", "ansible_host": "10.0.0.1"},
    "relay2": {"zone": "a", "ansible_host": "fd00::2", "artifact_relay_port": 80},
    "relay3": {"zone": "b", "artifact_relay_url": "https://relay.example.com"},
    "relay4": {},
    **{f"web{number}": {"zone": "ab"[number % 2]} for number in range(40)},
    "far": {"zone": "c"},
}
RELAYS = ["relay1", "relay2", "relay3", "relay4"]


def test_they_are_those_of_the_members_zone():
    assert sorted(relays_of("web0", RELAYS, HOSTS)) == ["http://10.0.0.1:8081", "http://[fd00::2]:80"]
    assert relays_of("web1", RELAYS, HOSTS) == ["https://relay.example.com"]


def test_a_member_whose_zone_has_none_asks_all():
    assert len(relays_of("far", RELAYS, HOSTS)) == 4


def test_a_member_without_a_zone_asks_those_without():
    assert relays_of("relay4", RELAYS, HOSTS) == ["http://relay4:8081"]


def test_members_of_a_zone_begin_at_different_ones_and_always_at_the_same():
    first = [relays_of(f"web{number}", RELAYS, HOSTS)[0] for number in range(0, 40, 2)]
    assert first == [relays_of(f"web{number}", RELAYS, HOSTS)[0] for number in range(0, 40, 2)]
    assert min(Counter(first).values()) >= 5


@pytest.mark.parametrize("member", ["web0", "far"])
def test_without_relays_there_are_none(member):
    assert relays_of(member, [], HOSTS) == []
