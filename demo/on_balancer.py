# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs at a balancer, sent there by demo.sampler: samples who is online, until its standard input closes.

Standard library only, for the Python of any host. Prints lines of JSON: samples; ``{"t", "error"}`` while the
balancer doesn't answer; and ``{"pong", "t"}`` for every line that comes in, so that the clocks can be compared.
"""

import json
import os
import socket
import sys
import threading
import time

_SERVERS_ONLY = "show stat -1 4 -1\n"


def _ask(path: str, command: str) -> str:
    """What the admin socket answers to one command."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(2)
        admin.connect(path)
        admin.sendall(command.encode())
        with admin.makefile("r") as answer:
            return answer.read()


def members(stat: str, services: list[str]) -> dict[str, dict[str, str]]:
    """Status of each service's members in the online pool, out of ``show stat``: {service: {member: status}}."""
    found: dict[str, dict[str, str]] = {service: {} for service in services}
    header, *rows = stat.lstrip("# ").splitlines()
    # No column up to this one holds a comma, and with hundreds of members the others need not be taken apart.
    last = header.split(",").index("status")
    for row in filter(None, rows):
        backend, server, *rest = row.split(",", last + 1)
        if backend in found:
            found[backend][server] = rest[last - 2]
    return found


def sample(stat: str, services: list[str]) -> dict[str, dict]:
    """How many members of each service are online: those that the balancer holds for ready and up."""
    return {
        service: {
            # A member in drain or maintenance has a status of its own; "UP 1/3" still gets requests.
            "online": sum(status.startswith("UP") for status in found.values()),
            "total": len(found),
            "members": found,
        }
        for service, found in members(stat, services).items()
    }


def _say(line: dict) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _answer_pings() -> None:
    for line in sys.stdin:
        _say({"pong": line.strip(), "t": time.time()})
    os._exit(0)


def main(path: str, services: list[str], pause: float, seconds: float) -> None:
    threading.Thread(target=_answer_pings, daemon=True).start()
    until = time.monotonic() + seconds
    due = time.monotonic()
    while time.monotonic() < until:
        taken = time.time()
        try:
            _say({"t": taken, "services": sample(_ask(path, _SERVERS_ONLY), services)})
        except (OSError, ValueError, IndexError) as error:
            _say({"t": taken, "error": f"{type(error).__name__}: {error}"})
        due = max(due + pause, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
