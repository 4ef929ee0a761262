# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Grows a service: hosts are launched in parallel, each proves itself by its gates, and joins the balancers.

Nobody waits for another: what is proven joins with the next round, and a host that does not come up, fails a gate or is
never healthy for a balancer goes and another one is launched in its place, as often as ``replacements`` allows in all.
A growth that dies leaves hosts that serve and hosts that don't; the next one launches by the same names.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launched, Launcher, LaunchError
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError

# The pause between two rounds at the balancers: a round costs the same for one host as for fifty.
_ROUND_SECONDS = (0.2, 5.0)
_HOSTS_A_SECOND = 10.0
_SAY_SECONDS = 10.0
# Most of that time a host boots and this side waits; how many are launched at once is the provider's to know. One that
# takes longer than most is not counted, as it may never boot and would hold up others.
_UNDER_WAY = 16
_LONG_SECONDS = 20.0
_AT_MOST = 64
# A lock is renewed by each round.
_LEAST_OFTEN_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Host:
    """A host to launch: its name and its zone."""

    name: str
    zone: str = ""


class NotProvenError(Exception):
    """A host is up and does not pass its gates. Says which, and why."""


@dataclasses.dataclass
class Outcome:
    """What came of it: seconds from launch to pool by host; those replaced, and those missing, each with the reason.

    ``unproven`` are those among them that came up and didn't pass their gates: what they carry is at fault. ``zones``
    are of those that joined.
    """

    joined: dict[str, float] = dataclasses.field(default_factory=dict)
    replaced: dict[str, str] = dataclasses.field(default_factory=dict)
    missing: dict[str, str] = dataclasses.field(default_factory=dict)
    unproven: list[str] = dataclasses.field(default_factory=list)
    zones: dict[str, str] = dataclasses.field(default_factory=dict)


class Rounds:
    """What a growth asks of the balancers; a round admits those whose checks passed, and has new ones checked."""

    def round(self, new: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Has hosts join (address by name); returns those that serve by now, and those given up with the reason."""
        raise NotImplementedError


class Growth:
    """One growth. ``prove`` raises NotProvenError; ``say`` is told of progress; ``spare`` names replacements."""

    def __init__(
        self,
        launcher: Launcher,
        prove: Callable[[str, str], None],
        rounds: Rounds,
        spare: Iterator[str],
        replacements: int,
        say: Callable[[str], None],
    ) -> None:
        self._launcher, self._prove, self._rounds = launcher, prove, rounds
        self._spare, self._left, self._say = spare, replacements, say
        self._outcome = Outcome()
        self._begun: dict[str, float] = {}
        self._hosts: dict[str, Host] = {}
        # Those that are to be launched, each with the host that goes for it; and those under way, each with its begin.
        self._waiting: collections.deque[tuple[Host, str]] = collections.deque()
        self._raising: dict[concurrent.futures.Future[Launched], tuple[Host, float]] = {}

    def run(self, hosts: Sequence[Host]) -> Outcome:
        """Launches the hosts and returns once each one serves, was replaced by one that does, or is missing."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=_AT_MOST) as self._pool:
            self._waiting.extend((host, "") for host in hosts)
            # Where this fails, what is being launched ends, and what is not begun is not begun any more.
            self._go_on(len(hosts))
        return self._outcome

    def _go_on(self, wanted: int) -> None:
        new: dict[str, str] = {}
        joining: set[str] = set()
        last_round = last_said = time.monotonic()
        asked_by = os.getppid()
        while self._waiting or self._raising or new or joining:
            if os.getppid() != asked_by:
                raise ChangeError("the playbook that asked for hosts has ended: nobody waits for them any more")
            self._launch_more()
            for host, address in self._raised(0.2):
                new[host.name] = address
            coming = len(self._waiting) + len(self._raising)
            pause = min(_ROUND_SECONDS[1], max(_ROUND_SECONDS[0], coming / _HOSTS_A_SECOND))
            now = time.monotonic()
            due = bool(new or joining) and now - last_round >= pause
            if due or now - last_round >= _LEAST_OFTEN_SECONDS:
                serving, given_up = self._rounds.round(new)
                joining = (joining | new.keys()) - set(serving) - given_up.keys()
                new, last_round = {}, time.monotonic()
                self._settle(serving, given_up)
            if now - last_said >= _SAY_SECONDS:
                self._say(f"{len(self._outcome.joined)} of {wanted} serve, {len(self._outcome.replaced)} were replaced")
                last_said = now

    def _launch_more(self) -> None:
        now = time.monotonic()
        counted = sum(now - begun < _LONG_SECONDS for _host, begun in self._raising.values())
        room = min(_UNDER_WAY - counted, _AT_MOST - len(self._raising), len(self._waiting))
        for _ in range(room):
            host, instead_of = self._waiting.popleft()
            self._hosts[host.name] = host
            self._raising[self._pool.submit(self._raise, host, instead_of)] = (host, now)

    def _raise(self, host: Host, instead_of: str) -> Launched:
        """The host, up and proven."""
        if instead_of:
            self._launcher.terminate([instead_of])
        launched = self._launcher.launch(host.name, host.zone)
        self._prove(host.name, launched.address)
        return launched

    def _raised(self, seconds: float) -> Iterator[tuple[Host, str]]:
        """Those that came up within the next moment; the others among them are replaced."""
        done, _ = concurrent.futures.wait(self._raising, seconds, concurrent.futures.FIRST_COMPLETED)
        if not self._raising:
            time.sleep(seconds)
        for future in done:
            host, _begun = self._raising.pop(future)
            try:
                launched = future.result()
                self._begun[host.name] = launched.begun
                yield host, launched.address
            except (LaunchError, NotProvenError) as error:
                if isinstance(error, NotProvenError):
                    self._outcome.unproven.append(host.name)
                self._replace(host, str(error))

    def _settle(self, serving: Sequence[str], given_up: Mapping[str, str]) -> None:
        for name in serving:
            self._outcome.joined[name] = round(time.monotonic() - self._begun[name], 1)
            self._outcome.zones[name] = self._hosts[name].zone
        for name, why in given_up.items():
            self._replace(self._hosts[name], why)

    def _replace(self, host: Host, why: str) -> None:
        name = next(self._spare) if self._left > 0 else ""
        self._left -= 1
        if name:
            self._outcome.replaced[host.name] = why
            self._say(f"{host.name} is replaced by {name}: {why}")
            self._waiting.append((Host(name, host.zone), host.name))
        else:
            self._outcome.missing[host.name] = why
            self._launcher.terminate([host.name])
