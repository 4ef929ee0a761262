# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The load's inside: which request is due when, and the loop that sends it then."""

from __future__ import annotations

import asyncio
import itertools
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from demo.client import Client, now
from demo.records import Config, Record, Target

_FLUSH_SECONDS = 0.25


def shares(targets: tuple[Target, ...]) -> Iterator[Target]:
    """The targets over and over, each as often as its weight says and as evenly mixed as can be."""
    credit = [0] * len(targets)
    total = sum(target.weight for target in targets)
    while True:
        credit = [have + target.weight for have, target in zip(credit, targets, strict=True)]
        chosen = credit.index(max(credit))
        credit[chosen] -= total
        yield targets[chosen]


def plan(config: Config) -> Iterator[tuple[float, Target, str]]:
    """Every request of a load: seconds after its start, what is asked, and of which balancer first.

    The balancers alternate within each target: alternating over all would tie a service to one of them.
    """
    turns = {target: itertools.cycle(config.balancers) for target in map(id, config.targets)}
    mixed = shares(config.targets)
    for number in itertools.count():
        after = number / config.rate
        if after >= config.seconds or (config.requests and number >= config.requests):
            return
        target = next(mixed)
        yield after, target, next(turns[id(target)])


class _Generator:
    """Sends what the plan says when it is due, and writes a record of each as it ends."""

    def __init__(self, config: Config, out: IO[str]) -> None:
        self._config = config
        self._out = out
        self._running: set[asyncio.Task[None]] = set()
        self._late_max = 0.0
        self.stopping = False

    def stop(self) -> None:
        self.stopping = True

    async def run(self) -> dict[str, float]:
        started = now()
        flushing = asyncio.create_task(self._flush())
        async with Client(self._config) as client:
            for after, target, balancer in plan(self._config):
                await self._until(started + after)
                if self.stopping:
                    break
                self._start(client, target, balancer, started + after)
            if self._running:
                await asyncio.wait(self._running)
        flushing.cancel()
        return self._facts(now() - started)

    async def _until(self, due: float) -> None:
        while not self.stopping and (left := due - now()) > 0:
            await asyncio.sleep(min(left, 0.5))
        self._late_max = max(self._late_max, now() - due)

    def _start(self, client: Client, target: Target, balancer: str, due: float) -> None:
        if len(self._running) >= self._config.max_in_flight:
            self._write(Record(due, target.service, balancer, 0, None, 0.0, error="overrun"))
            return
        task = asyncio.create_task(self._one(client, target, balancer, due))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _one(self, client: Client, target: Target, balancer: str, due: float) -> None:
        self._write(await client.request(target, balancer, due))

    def _write(self, record: Record) -> None:
        self._out.write(record.to_json() + "\n")

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._out.flush()

    def _facts(self, seconds: float) -> dict[str, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime
        return {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu, 2),
            "cpu_share": round(cpu / max(seconds, 0.001), 3),
            "late_max_ms": round(self._late_max * 1000, 1),
        }


def run(config: Config, out: Path, *, tied: bool) -> dict[str, float]:
    """Runs a load to its bound, to SIGTERM or SIGINT, or (``tied``) to the end of standard input; facts of itself."""

    async def whole(file: IO[str]) -> dict[str, float]:
        generator = _Generator(config, file)
        loop = asyncio.get_running_loop()

        def closed() -> None:
            loop.remove_reader(sys.stdin)
            generator.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, generator.stop)
        if tied:
            loop.add_reader(sys.stdin, closed)
        return await generator.run()

    with out.open("w", encoding="utf-8") as file:
        return asyncio.run(whole(file))
