# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Launches the hosts of one group from an image, one by one and as fast as this machine can."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._files import atomic_write
from ansible_collections.golden.fleet.plugins.module_utils._podman.hosts import Raising, Wish, in_parallel, locked
from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import (
    Found,
    Step,
    act_for,
    free_addresses,
    recipe_of,
)
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError, is_alive
from ansible_collections.golden.fleet.plugins.module_utils._podman.reaching import variables
from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launched, LaunchError


class Launcher:
    """One group's hosts. ``settings``: lab, files (the folder with podman's settings and the key), capabilities,
    wait_seconds; ``group`` is the service that they serve, ``image`` what they are launched from.

    Holds the lab's lock from ``__enter__`` on, so that nobody else gives an address away; it ends with the process.
    """

    def __init__(self, settings: dict[str, Any], group: str, image: str) -> None:
        files = settings["files"]
        self._lab, self._group = settings["lab"], group
        self._known_hosts = os.path.join(files, f"known_hosts.{group}")
        self._key = os.path.join(files, "id_ed25519")
        self._podman = Podman(self._lab, environment={"CONTAINERS_CONF": os.path.join(files, "containers.conf")})
        self._image, self._settings = image, settings
        self._held = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._found: dict[str, Found] = {}
        self._alive: dict[str, bool] = {}
        self._addresses: Iterator[str] = iter(())
        self._room = 0

    def __enter__(self) -> Launcher:
        self._held.enter_context(locked(self._lab))
        try:
            self._look()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._held.close()

    def _look(self) -> None:
        try:
            network, self._found = self._podman.network(), self._podman.found()
            key = subprocess.run(["ssh-keygen", "-y", "-f", self._key], capture_output=True, text=True, check=True)  # noqa: S603, S607
        except (OSError, PodmanError, subprocess.CalledProcessError) as error:
            raise LaunchError(f"{self._lab}: {error}") from error
        if network is None:
            raise LaunchError(f"the lab {self._lab} has no network: raise it with playbooks/lab.yml first")
        self._alive = is_alive(self._found)
        taken = [was.address for was in self._found.values()]
        self._addresses = free_addresses(network.subnet, taken)
        self._room = sum(1 for _ in free_addresses(network.subnet, taken))
        self._wish = Wish(
            image=self._image,
            authorized_key=key.stdout.strip(),
            capabilities=tuple(self._settings["capabilities"]),
            wait_seconds=self._settings["wait_seconds"],
            group=self._group,
        )
        self._recipe = recipe_of(self._image, self._wish.capabilities)
        self._forget_keys_of_others()
        self._raising = Raising(self._podman, self._wish, self._next_addresses(), check=False)

    def room(self) -> int:
        return self._room

    def launch(self, name: str, zone: str) -> Launched:
        was = self._found.get(name)
        if was is not None and was.group != self._group:
            raise LaunchError(f"{name} is a host of {was.group or 'the inventory'}")
        act, why = act_for(was, self._recipe, bool(was and was.address), self._alive.get(name, False))
        address = was.address if was and was.address else self._next_address()
        try:
            raised = self._raising.take(Step(name, act, address, why, zone))
        except PodmanError as error:
            raise LaunchError(str(error)) from error
        self._remember(raised["address"], raised["host_key"])
        return Launched(raised["address"], raised["begun"])

    def variables(self, address: str) -> dict[str, Any]:
        return variables(address, self._settings["files"], self._group)

    def terminate(self, names: Sequence[str]) -> None:
        def remove(name: str) -> dict[str, Any]:
            self._podman.remove(name)
            return {}

        try:
            in_parallel(remove, list(names))
        except PodmanError as error:
            raise LaunchError(str(error)) from error

    def _next_address(self) -> str:
        try:
            return next(self._next_addresses())
        except StopIteration:
            raise LaunchError(f"no address is left in the network of {self._lab}") from None

    def _next_addresses(self) -> Iterator[str]:
        """The free addresses, each given once, whichever thread asks."""
        while True:
            with self._lock:
                address = next(self._addresses, None)
            if address is None:
                return
            yield address

    def _forget_keys_of_others(self) -> None:
        """An address that was another host's is no proof of that host any more."""
        here = {was.address for was in self._found.values() if was.group == self._group}
        try:
            with open(self._known_hosts, encoding="utf-8") as file:
                kept = [line for line in dict.fromkeys(file) if line.partition(" ")[0] in here]
        except FileNotFoundError:
            return
        atomic_write(self._known_hosts, "".join(kept).encode())

    def _remember(self, address: str, key: str) -> None:
        """Adds the host's own key, read from inside it, to those by which it is known to SSH."""
        ipaddress.ip_address(address)
        with self._lock, open(self._known_hosts, "a", encoding="utf-8") as file:
            file.write(f"{address} {key}\n")
