# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PHP's opcode cache on each member, asked ten times a second at the port that customers don't reach."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PERIOD_SECONDS = 0.1


@dataclass(frozen=True)
class Sample:
    """What the cache said of itself at some moment between ``asked`` and ``told``, in seconds since 1970."""

    asked: float
    told: float
    hits: int
    misses: int
    scripts: int
    used: int
    wasted: int
    strings: int  # of the used bytes, those of its table of strings, which has a size of its own
    restarts: int

    @classmethod
    def of(cls, asked: float, status: Mapping[str, Any]) -> Sample:
        counted, memory = status["opcache_statistics"], status["memory_usage"]
        return cls(
            asked=asked,
            told=time.time(),
            hits=counted["hits"],
            misses=counted["misses"],
            scripts=counted["num_cached_scripts"],
            used=memory["used_memory"],
            wasted=memory["wasted_memory"],
            strings=status["interned_strings_usage"]["used_memory"],
            restarts=counted["oom_restarts"] + counted["hash_restarts"] + counted["manual_restarts"],
        )


@contextmanager
def sampled(addresses: Sequence[str], port: int) -> Iterator[dict[str, list[Sample]]]:
    """Samples by address, which grow while the block runs."""
    found: dict[str, list[Sample]] = {address: [] for address in addresses}
    ended = threading.Event()

    def watch(address: str) -> None:
        while not ended.wait(PERIOD_SECONDS):
            # One that could not be asked is a sample fewer: what is judged by samples says how many it has.
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                found[address].append(ask(address, port))

    threads = [threading.Thread(target=watch, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def ask(address: str, port: int) -> Sample:
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        asked = time.time()
        connection.request("GET", "/cache.php")
        return Sample.of(asked, json.loads(connection.getresponse().read()))
    finally:
        connection.close()


@dataclass(frozen=True)
class Second:
    """How often files were looked for in the second after a moment, and how often they were not there."""

    lookups: int
    misses: int

    @property
    def hit_rate(self) -> float:
        return 1 - self.misses / self.lookups


def second_after(samples: Sequence[Sample], moment: float, seconds: float = 1.0) -> Second | None:
    """What can only be worse than it was: misses from the last sample before the moment to the first one after the
    second, lookups within the second alone and without the samples' own. None where samples are missing.
    """
    before = [sample for sample in samples if sample.told <= moment]
    within = [sample for sample in samples if moment < sample.asked and sample.told <= moment + seconds]
    after = [sample for sample in samples if sample.asked >= moment + seconds]
    if not before or len(within) < 2 or not after:
        return None
    first, last = within[0], within[-1]
    own = len(within) - 1
    lookups = last.hits + last.misses - first.hits - first.misses - own
    return Second(lookups, after[0].misses - before[-1].misses) if lookups > 0 else None
