# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What breaks deployments, to be injected by a test. All of it is off at first."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import DroppedError


@dataclass
class Drop:
    """The connection ends without an answer, ``times`` times.

    ``at`` is the protocol's word (Create, Command, Send, Receive, Signal, Delete), or the short name of a module.
    With ``after`` the module has done its work and only the answer is lost.
    """

    at: str
    times: int = 1
    after: bool = False


@dataclass
class Hazards:
    # Paths that another program holds open.
    locked: set[str] = field(default_factory=set)
    # Services that do not start, with what Windows says of it; that do not stop, with the same.
    start_failures: dict[str, str] = field(default_factory=dict)
    stop_failures: dict[str, str] = field(default_factory=dict)
    # Services that hang while they start or stop: whoever asked for it waits, the others see what is pending.
    start_hangs: set[str] = field(default_factory=set)
    stop_hangs: set[str] = field(default_factory=set)
    # Seconds that a module takes before it begins, by its short name, * for all others; longer than the operation
    # timeout is a hazard.
    slow: dict[str, float] = field(default_factory=dict)
    # From the end of the connection until the host listens again.
    boot_seconds: float = 1.0
    free_bytes: int | None = None
    long_paths: bool = False
    reboot_pending: bool = False
    drops: list[Drop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def set(self, **values: Any) -> None:
        """By name, as a test in another process says them: lists for sets, dictionaries for drops."""
        known = {one.name: one for one in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no hazard {name}; there are {', '.join(known)}")
            if name == "drops":
                value = [drop if isinstance(drop, Drop) else Drop(**drop) for drop in value]
            setattr(self, name, set(value) if isinstance(getattr(self, name), set) else value)

    def clear(self) -> None:
        self.set(**{one.name: getattr(Hazards(), one.name) for one in fields(self)})

    def pass_by(self, at: str, *, after: bool = False) -> None:
        """Raises DroppedError where a drop is due here."""
        with self._lock:
            for drop in self.drops:
                if drop.at == at and drop.after == after and drop.times > 0:
                    drop.times -= 1
                    raise DroppedError(f"injected: dropped at {at}")

    def dawdle(self, at: str) -> None:
        """Waits where it is to be slow."""
        time.sleep(self.slow.get(at, self.slow.get("*", 0)))
