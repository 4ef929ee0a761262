# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Samples at every balancer, all along, how many members of each service are online: what the floor is judged by."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from demo.lab import Host, LabError

_SOURCE = Path(__file__).with_name("on_balancer.py")
# The program comes in on the first line of standard input: nothing is installed, no argument list shows it.
_BOOT = "import sys,json;given=json.loads(sys.stdin.readline());exec(given['source']);main(*given['arguments'])"
_PING_SECONDS = 5.0


@dataclass(frozen=True)
class Sample:
    """Who was online for one service at one balancer at the time ``t`` (epoch seconds of this machine's clock)."""

    t: float
    balancer: str
    service: str
    online: int
    total: int
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def out(self) -> list[str]:
        return sorted(name for name, status in self.members.items() if not status.startswith("UP"))


@dataclass(frozen=True)
class Gap:
    """A time at which a balancer could not be asked."""

    t: float
    balancer: str
    error: str


class _Line:
    """The session to one balancer; begun again when it breaks off, for as long as it is wanted."""

    def __init__(self, host: Host, program: str) -> None:
        self.host = host
        self.offset = 0.0  # how far the balancer's clock is ahead of this machine's
        self.samples: list[Sample] = []
        self.gaps: list[Gap] = []
        self._program = program
        self._best_trip = float("inf")
        self._pings: dict[str, float] = {}
        self._process: subprocess.Popen[str] | None = None
        self._wanted = threading.Event()
        self._wanted.set()
        self._thread = threading.Thread(target=self._keep, name=f"sampler {host.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._wanted.clear()
        process = self._process
        if process is not None and process.stdin is not None:
            try:
                process.stdin.close()
                process.wait(timeout=3)
            except (OSError, subprocess.TimeoutExpired):
                process.kill()
        self._thread.join(timeout=10)

    def _keep(self) -> None:
        while self._wanted.is_set():
            began = time.monotonic()
            self._session()
            if self._wanted.is_set():
                self.gaps.append(Gap(time.time(), self.host.name, "the session ended"))
                # A host that is restarting refuses at once: no more than one try a second.
                time.sleep(max(0.0, 1 - (time.monotonic() - began)))

    def _session(self) -> None:
        command = self.host.command("python3", "-I", "-S", "-u", "-c", _BOOT)
        self._process = process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        pinged = 0.0
        try:
            process.stdin.write(self._program)
            for line in process.stdout:
                self._take(json.loads(line))
                if self._wanted.is_set() and time.monotonic() - pinged > _PING_SECONDS:
                    pinged = time.monotonic()
                    self._ping(process)
        except (OSError, ValueError):
            process.kill()
        finally:
            process.wait()

    def _ping(self, process: subprocess.Popen[str]) -> None:
        name = str(len(self._pings))
        self._pings[name] = time.time()
        assert process.stdin is not None  # noqa: S101
        process.stdin.write(name + "\n")

    def _take(self, line: Mapping[str, Any]) -> None:
        if "pong" in line:
            # The best of all trips tells the most: the pong was written somewhere between its two ends.
            sent, came = self._pings[line["pong"]], time.time()
            if came - sent < self._best_trip:
                self._best_trip, self.offset = came - sent, line["t"] - (sent + came) / 2
        elif "error" in line:
            self.gaps.append(Gap(line["t"], self.host.name, line["error"]))
        else:
            self.samples += [
                Sample(line["t"], self.host.name, service, seen["online"], seen["total"], seen["members"])
                for service, seen in line["services"].items()
            ]


class Sampler:
    """Samples from the start of the ``with`` block to ``stop()``.

    with Sampler(lab.balancers, ["datasette"]) as sampler:
        sampler.wait(5)
        ...
        samples = sampler.stop()
    """

    def __init__(
        self,
        balancers: Iterable[Host],
        services: Sequence[str],
        *,
        socket: str = "/run/haproxy/admin.sock",
        per_second: float = 5.0,
        seconds: float = 3600.0,
    ) -> None:
        arguments = [socket, list(services), 1 / per_second, seconds]
        program = json.dumps({"source": _SOURCE.read_text(encoding="utf-8"), "arguments": arguments}) + "\n"
        self._lines = [_Line(host, program) for host in balancers]
        self._services = list(services)

    def __enter__(self) -> Sampler:
        for line in self._lines:
            line.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def wait(self, seconds: float) -> None:
        """Waits until every balancer has been sampled once; LabError names the one that was not."""
        until = time.monotonic() + seconds
        while missing := [line for line in self._lines if not line.samples]:
            if time.monotonic() > until:
                seen = missing[0].gaps[-1].error if missing[0].gaps else "no answer"
                raise LabError(f"{missing[0].host.name} could not be sampled: {seen}")
            time.sleep(0.05)

    @property
    def samples(self) -> list[Sample]:
        """All samples up to now in order of time, on this machine's clock."""
        merged = [
            Sample(s.t - line.offset, s.balancer, s.service, s.online, s.total, s.members)
            for line in self._lines
            for s in list(line.samples)
        ]
        return sorted(merged, key=lambda sample: sample.t)

    @property
    def latest(self) -> dict[tuple[str, str], Sample]:
        """The newest sample by (balancer, service)."""
        found = {}
        for line in self._lines:
            for sample in itertools.islice(reversed(line.samples), len(self._services)):
                found[sample.balancer, sample.service] = sample
        return found

    @property
    def gaps(self) -> list[Gap]:
        """Times at which a balancer could not be asked, as while it restarts."""
        return sorted((gap for line in self._lines for gap in line.gaps), key=lambda gap: gap.t)

    @property
    def clock_offsets(self) -> dict[str, float]:
        """How many seconds each balancer's clock is ahead of this machine's."""
        return {line.host.name: line.offset for line in self._lines}

    def stop(self) -> list[Sample]:
        """Ends the sessions; all samples. A second call does nothing more."""
        for line in self._lines:
            line.stop()
        return self.samples
