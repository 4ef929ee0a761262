# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members that came while HAProxy ran: it forgets them when it starts anew, unless its configuration names them then.

Until then the record keeps where each one is (``added``, by name: address and port), and they are added again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import server_defaults
from .haproxy import BalancerError, Runtime

_NEW = "New server registered."
# Options that HAProxy takes in its configuration alone, and their number of words: added members get them with it.
_CONFIGURED_ONLY = {"tcp-ut": 2}


def add(runtime: Runtime, service: str, config: str, added: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Adds those that are not there to both pools, in maintenance and being checked; returns their names.

    They get what the configuration gives to the servers of each pool: HAProxy itself gives them none of that.
    """
    new = []
    for backend in (service, f"{service}_maintenance"):
        words = _accepted(server_defaults(config, backend))
        missing = added.keys() - runtime.servers(backend).keys()
        for name in sorted(missing):
            place = added[name]
            _register(runtime, f"{backend}/{name}", f"{_bracketed(place['address'])}:{place['port']} {words}".rstrip())
            if "check" in words.split():
                _told(runtime, f"enable health {backend}/{name}", "")
        new += [name for name in sorted(missing) if name not in new]
    return new


def _accepted(words: str) -> str:
    kept, skip = [], 0
    for word in words.split():
        skip = _CONFIGURED_ONLY.get(word, skip)
        if not skip:
            kept.append(word)
        skip = max(0, skip - 1)
    return " ".join(kept)


def _register(runtime: Runtime, server: str, words: str) -> None:
    _told(runtime, f"add server {server} {words}", _NEW)


def _told(runtime: Runtime, command: str, wanted: str) -> None:
    # Not the workers that end: whoever they still serve has no need of a new member.
    answer = runtime.ask(command).strip()
    if answer != wanted:
        raise BalancerError(f"haproxy refused '{command}': {answer}")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
