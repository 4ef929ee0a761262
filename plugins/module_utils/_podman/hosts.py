# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings the hosts of a lab to what is wanted: reads, plans, and takes the steps a few at a time."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import (
    Network,
    Step,
    free_addresses,
    plan_hosts,
    recipe_of,
)
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import (
    Podman,
    PodmanError,
    clear_pid_files,
    is_alive,
    wait_for_ssh,
)

_AT_ONCE = (os.cpu_count() or 1) + 1


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the hosts of a lab should be like."""

    image: str
    authorized_key: str
    capabilities: tuple[str, ...] = ()
    wait_seconds: int = 60
    group: str = ""


@contextmanager
def locked(lab: str) -> Iterator[None]:
    """One change of a lab at a time on this machine; the lock ends with the process that holds it."""
    with open(f"/run/lock/golden-fleet-{lab}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        clear_pid_files(lab)
        yield
        clear_pid_files(lab)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was done about each host, or would be in check mode, and the lab's network, if it has one."""

    steps: list[dict[str, Any]]
    network: Network | None
    network_changed: bool


def launch(podman: Podman, wish: Wish, hosts: list[str], *, check: bool) -> Outcome:
    """Makes, mends or keeps each of ``hosts`` and removes the others of their group."""
    there = podman.network()
    network = there or (None if check else podman.create_network())
    found = podman.found()
    subnet = network.subnet if network else None
    recipe = recipe_of(wish.image, wish.capabilities)
    steps = plan_hosts(found, hosts, recipe=recipe, subnet=subnet, alive=is_alive(found), group=wish.group)
    taken = {step.address for step in steps} | {was.address for was in found.values()}
    launcher = Raising(podman, wish, free_addresses(subnet, taken) if subnet else iter(()), check)
    return Outcome(in_parallel(launcher.take, steps), network, there is None)


def terminate(podman: Podman, hosts: list[str] | None, *, check: bool, group: str | None = None) -> Outcome:
    """Removes the named hosts, or all of a group, or all of the lab and its network."""
    found = {host: was for host, was in podman.found().items() if group in (None, was.group)}
    gone = sorted(found) if hosts is None else [host for host in hosts if host in found]

    def take(host: str) -> dict[str, Any]:
        if not check:
            podman.remove(host)
        return {"name": host, "address": found[host].address, "act": "remove", "why": "", "changed": True}

    steps = in_parallel(take, gone)
    network = podman.network()
    goes = network is not None and hosts is None and group is None
    if goes and not check:
        podman.remove_network()
    return Outcome(steps, None if goes else network, goes)


class Raising:
    """Takes the steps to hosts that are up; used from several threads."""

    def __init__(self, podman: Podman, wish: Wish, spare_addresses: Iterator[str], check: bool) -> None:
        self._podman = podman
        self._wish = wish
        self._spare_addresses = spare_addresses
        self._lock = threading.Lock()
        # Podman keeps a processor busy; waiting for a boot doesn't, and one that never ends holds nobody up.
        self._at_once = threading.Semaphore(_AT_ONCE)
        self._check = check

    def take(self, step: Step) -> dict[str, Any]:
        result = {"name": step.host, "address": step.address, "act": step.act, "why": step.why}
        if step.act == "remove" or (self._check and step.act != "keep"):
            if not self._check:
                self._podman.remove(step.host)
            return {**result, "changed": True}
        with self._at_once:
            begun = time.monotonic()
            result["address"], pid = self._raise(step)
        return {**result, "begun": begun, **self._settle(step, result["address"], pid)}

    def _raise(self, step: Step) -> tuple[str, int]:
        """The address of the host, which has a running container now, and the process number of its init."""
        try:
            if step.act == "start":
                self._podman.start(step.host)
            elif step.act == "unpause":
                self._podman.unpause(step.host)
        except PodmanError:
            # Whatever is left of it can't be started any more: made anew, it can.
            return self._create(step)
        return self._create(step) if step.act in ("create", "replace") else (step.address, self._podman.pid(step.host))

    def _create(self, step: Step) -> tuple[str, int]:
        address = step.address
        if step.act != "create":
            self._podman.remove(step.host)
        while True:
            try:
                pid = self._podman.create(
                    step.host,
                    address,
                    image=self._wish.image,
                    capabilities=self._wish.capabilities,
                    group=self._wish.group,
                    zone=step.zone,
                )
                return address, pid
            except PodmanError as error:
                if "already allocated" not in str(error):
                    raise
            # A podman or a machine that was killed leaves addresses marked as taken by containers that are gone, and
            # nothing of podman's lists or frees them. To be refused one costs a fifteenth of a second.
            self._podman.remove(step.host)
            address = self._spare_address()

    def _spare_address(self) -> str:
        with self._lock:
            address = next(self._spare_addresses, None)
        if address is None:
            raise PodmanError(
                "podman has every address of the lab's network marked as taken, some by containers that are gone: "
                "remove all containers of this machine, then /run/containers/networks/ipam.db"
            )
        return address

    def _settle(self, step: Step, address: str, pid: int) -> dict[str, Any]:
        wish = self._wish
        # First what costs next to nothing to ask: a processor that is asked all the time has none left for the boots.
        self._await_ssh(address, pid)
        answer = self._podman.ready(
            pid, authorized_key=wish.authorized_key, seconds=wish.wait_seconds, write=not self._check
        )
        state = answer.get("state") or "silent"
        if state not in ("running", "degraded"):
            raise PodmanError(f"after {wish.wait_seconds} s systemd in it is still '{state}'")
        if not answer.get("host_key"):
            raise PodmanError("it has made no SSH host key of its own; see ssh-host-keys.service in it")
        return {
            "changed": step.act != "keep" or "key" in answer,
            "state": state,
            "failed_units": answer.get("failed_units", "").split(),
            "host_key": answer["host_key"],
        }

    def _await_ssh(self, address: str, pid: int) -> None:
        try:
            wait_for_ssh(address, self._wish.wait_seconds)
        except PodmanError as error:
            answer = self._podman.ready(pid, authorized_key=self._wish.authorized_key, seconds=1, write=False)
            raise PodmanError(f"{error}; systemd in it is '{answer.get('state') or 'silent'}'") from error


def in_parallel(work: Callable[[Any], dict[str, Any]], items: list[Any]) -> list[dict[str, Any]]:
    """The results in the order of the items, a few worked on at a time; all errors in one, each with its host."""
    results, errors = [], []
    with concurrent.futures.ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for item, future in [(item, pool.submit(work, item)) for item in items]:
            try:
                results.append(future.result())
            except PodmanError as error:
                errors.append(f"{getattr(item, 'host', item)}: {error}")
    if errors:
        raise PodmanError("; ".join(errors))
    return results
