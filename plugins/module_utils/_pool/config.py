# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the balancer's configuration says of servers that its runtime interface doesn't: read from the file itself."""

from __future__ import annotations

import re

CONFIG = "/etc/haproxy/haproxy.cfg"
_SECTION = re.compile(r"(backend|frontend|listen|defaults|global)\b\s*(\S*)")
_SERVER = re.compile(r"\s+server (\S+) \S+:(\d+)\b")
_DEFAULTS = re.compile(r"\s+default-server (.+)")
_WAY = re.compile(r"\s+use-server (\S+) if \{ dst_port (\d+) \}")


def server_ports(text: str) -> dict[tuple[str, str], str]:
    """The port of each server, by backend and name."""
    return {(backend, match[1]): match[2] for backend, match in _matches(text, _SERVER)}


def server_defaults(text: str, backend: str) -> str:
    """What ``default-server`` says for the servers of a backend, but for their state at the start."""
    for match in (match for name, match in _matches(text, _DEFAULTS) if name == backend):
        return " ".join(word for word in match[1].split() if word not in ("disabled", "enabled"))
    return ""


def maintenance_ports(text: str, backend: str) -> dict[str, int]:
    """By member, the balancer's port that leads to it alone while it is in the maintenance pool."""
    return {match[1]: int(match[2]) for name, match in _matches(text, _WAY) if name == backend}


def _matches(text: str, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    found, backend = [], ""
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section:
            backend = section[2] if section[1] == "backend" else ""
        match = pattern.match(line)
        if match and backend:
            found.append((backend, match))
    return found
