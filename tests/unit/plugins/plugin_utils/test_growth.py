# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A growth with hosts that fail in every way there is."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launched, LaunchError
from ansible_collections.golden.fleet.plugins.plugin_utils import _growth
from ansible_collections.golden.fleet.plugins.plugin_utils._balancers import ChangeError
from ansible_collections.golden.fleet.plugins.plugin_utils._growth import Growth, Host, NotProvenError, Rounds
from ansible_collections.golden.fleet.plugins.plugin_utils._present import Present

HOSTS = [Host(f"web-{number}", "ab"[number % 2]) for number in range(1, 7)]


class Hosts:
    """Hosts that come up, unless they are named; remembers which are there."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        self.broken, self.there, self._lock = set(broken), {}, threading.Lock()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def room(self) -> int:
        return 100

    def launch(self, name: str, zone: str) -> Launched:
        with self._lock:
            self.there[name] = zone
        if name in self.broken:
            raise LaunchError(f"{name} does not boot")
        return Launched(f"at {name}", time.monotonic())

    def terminate(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                self.there.pop(name, None)


class Balancers(Rounds):
    """Balancers for which every host that joined is healthy a round later, unless it is named."""

    def __init__(self, ill: Sequence[str] = (), error: Exception | None = None) -> None:
        self.ill, self.error, self.joined, self.rounds = set(ill), error, {}, 0

    def round(self, new: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        self.rounds += 1
        if self.error:
            raise self.error
        serving = [name for name in self.joined if name not in self.ill]
        given_up = {name: "never healthy" for name in self.joined if name in self.ill}
        self.joined = dict(new)
        return serving, given_up


def grow(hosts: Hosts | Present, balancers: Balancers, unproven: Sequence[str] = (), replacements: int = 0) -> Any:
    def prove(name: str, address: str) -> None:
        assert address == f"at {name}"
        if name in unproven:
            raise NotProvenError(f"{name} fails its gate")

    spare = (f"web-{number}" for number in itertools.count(7))
    return Growth(hosts, prove, balancers, spare, replacements, lambda _text: None).run(HOSTS)


def test_all_serve() -> None:
    hosts = Hosts()
    outcome = grow(hosts, Balancers())
    assert set(outcome.joined) == {host.name for host in HOSTS}
    assert (outcome.replaced, outcome.missing) == ({}, {})


def test_those_that_fail_are_replaced_in_their_zone_and_gone() -> None:
    hosts = Hosts(broken=["web-1"])
    outcome = grow(hosts, Balancers(ill=["web-3"]), unproven=["web-2"], replacements=3)
    assert len(outcome.joined) == 6
    assert {name: why.split()[-1] for name, why in outcome.replaced.items()} == {
        "web-1": "boot",
        "web-2": "gate",
        "web-3": "healthy",
    }
    assert set(hosts.there) == set(outcome.joined)
    assert outcome.zones == hosts.there
    assert sorted(hosts.there.values()) == ["a", "a", "a", "b", "b", "b"]
    assert outcome.missing == {}
    assert outcome.unproven == ["web-2"], "the others say nothing of what they carry"


def test_hosts_that_never_boot_do_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are under way at once, and two are silent until the last one serves."""
    monkeypatch.setattr(_growth, "_UNDER_WAY", 2)
    monkeypatch.setattr(_growth, "_LONG_SECONDS", 0.3)
    others_serve = threading.Event()

    class Silent(Hosts):
        def launch(self, name: str, zone: str) -> Launched:
            if name in self.broken:
                assert others_serve.wait(10)
            elif name == "web-6":
                others_serve.set()
            return super().launch(name, zone)

    outcome = grow(Silent(broken=["web-1", "web-2"]), Balancers())
    assert set(outcome.joined) == {"web-3", "web-4", "web-5", "web-6"}
    assert set(outcome.missing) == {"web-1", "web-2"}


def test_no_more_are_under_way_than_are_meant_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_growth, "_UNDER_WAY", 2)
    seen: list[int] = []

    class Counted(Hosts):
        def launch(self, name: str, zone: str) -> Launched:
            with self._lock:
                seen.append(1)
                most.append(sum(seen))
            time.sleep(0.05)
            with self._lock:
                seen.append(-1)
            return super().launch(name, zone)

    most: list[int] = []
    assert len(grow(Counted(), Balancers()).joined) == 6
    assert max(most) == 2


def test_hosts_that_are_there_are_neither_launched_nor_removed() -> None:
    hosts = Hosts()
    there = {"web-1": "at web-1", "web-2": "at web-2"}
    outcome = grow(Present(there, hosts), Balancers(ill=["web-2"]), unproven=["web-1"], replacements=1)
    assert set(outcome.replaced) | set(outcome.missing) == {"web-1", "web-2"}
    assert set(hosts.there) == {"web-3", "web-4", "web-5", "web-6", "web-7"}


def test_without_an_image_there_are_no_others() -> None:
    outcome = grow(Present({"web-1": "at web-1"}), Balancers())
    assert set(outcome.joined) == {"web-1"}
    assert "no image to launch it from" in outcome.missing["web-2"]


def test_no_more_are_replaced_than_allowed_and_the_rest_serve() -> None:
    hosts = Hosts(broken=["web-1", "web-2", "web-3"])
    outcome = grow(hosts, Balancers(), replacements=1)
    assert len(outcome.joined) == 4
    assert len(outcome.missing) == 2
    assert set(hosts.there) == set(outcome.joined)


def test_a_replacement_that_fails_is_replaced_too() -> None:
    outcome = grow(Hosts(broken=["web-1", "web-7"]), Balancers(), replacements=2)
    assert set(outcome.replaced) == {"web-1", "web-7"}
    assert len(outcome.joined) == 6


def test_balancers_that_refuse_end_it() -> None:
    with pytest.raises(ChangeError, match="superseded"):
        grow(Hosts(), Balancers(error=ChangeError("superseded")))
