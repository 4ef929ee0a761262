# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rounds at the balancers: hosts that passed their gates join, and serve once all balancers find them healthy."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import Answer, Balancers, ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError
from ansible_collections.golden.fleet.plugins.plugin_utils._growth import Rounds


class JoiningRounds(Rounds):
    """Rounds for one growth. ``same`` goes to every balancer each time: number, version, lease_seconds.

    Of those that are ``kept`` aside, one that isn't healthy stays so.
    """

    def __init__(
        self,
        balancers: Balancers,
        port: int,
        admit_seconds: float,
        same: Mapping[str, Any],
        kept: Collection[str] = (),
    ) -> None:
        self._balancers, self._port, self._kept = balancers, port, kept
        self._admit_seconds, self._same = admit_seconds, same
        # Those that are checked: their address, and until when they have to be healthy everywhere.
        self._checked: dict[str, str] = {}
        self._until: dict[str, float] = {}
        self._healthy: list[str] = []

    def round(self, new: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        for name, address in new.items():
            self._checked[name], self._until[name] = address, time.monotonic() + self._admit_seconds
        answers = self._ask(new)
        admitted = set.intersection(*(set(answer["admitted"]) for answer in answers.values()))
        ill = self._ill(answers)
        for name in admitted:
            self._forget(name)
        self._healthy = [name for name in self._checked if name not in ill]
        late = [name for name in ill if name in self._until and time.monotonic() >= self._until[name]]
        given_up = {name: f"it isn't healthy after {self._admit_seconds:g} s: {ill[name]}" for name in late}
        if given_up:
            self._give_up(list(given_up))
        return sorted(admitted), given_up

    def _ask(self, new: Mapping[str, str]) -> dict[str, Answer]:
        places = [{"name": name, "address": address, "port": self._port} for name, address in new.items()]
        waiting = [name for name in self._checked if name not in self._healthy]
        return self._balancers.do_all(
            "round", admit=self._healthy, join=places, members=waiting, seconds=0, **self._same
        )

    def _ill(self, answers: Mapping[str, Answer]) -> dict[str, str]:
        """Who isn't healthy yet, and what the balancers say of it; one that fell ill before it was admitted, too."""
        ill: dict[str, str] = {}
        for balancer, answer in answers.items():
            seen = {**dict.fromkeys(set(self._healthy) - set(answer["admitted"]), "not admitted"), **answer["ill"]}
            for name, status in seen.items():
                ill[name] = f"{ill[name]}, {balancer} says {status}" if name in ill else f"{balancer} says {status}"
        return ill

    def _give_up(self, names: list[str]) -> None:
        for name in names:
            self._forget(name)
        new = [name for name in names if name not in self._kept]
        aside = [name for name in names if name in self._kept]
        for balancer in self._balancers.names:
            # It serves nobody; what is left of it goes with the next one that scales.
            with suppress(ChangeError, HostError):
                if new:
                    self._balancers.do(balancer, "dismiss", members=new, **self._same)
                if aside:
                    self._balancers.do(balancer, "keep", members=aside, seconds=0, **self._same)

    def _forget(self, name: str) -> None:
        self._checked.pop(name, None)
        self._until.pop(name, None)
