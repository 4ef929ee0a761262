# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which relays a member asks for artifacts. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

_PORT = 8081


def relays_of(member: str, relays: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The URLs of the relays for a member, in the order in which it asks them.

    They are those of its zone, or all where there are none. Members begin at different ones: each gets its share.
    """
    zone = hostvars[member].get("zone", "")
    near = [relay for relay in relays if hostvars[relay].get("zone", "") == zone] or list(relays)
    first = zlib.crc32(member.encode()) % len(near) if near else 0
    return [_url(hostvars[relay], relay) for relay in near[first:] + near[:first]]


def _url(variables: Mapping[str, Any], relay: str) -> str:
    address = str(variables.get("ansible_host", relay))
    shown = f"[{address}]" if ":" in address else address
    return str(variables.get("artifact_relay_url") or f"http://{shown}:{variables.get('artifact_relay_port', _PORT)}")
