# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts that are there already beside those that a launcher makes: they are neither launched nor removed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launched, Launcher, LaunchError


class Present:
    """A launcher that answers where the hosts of ``there`` are (address by name), and leaves others to ``launcher``.

    Without a launcher there are no others. Whoever kept a host decides when it goes, so none of these is ever removed.
    """

    def __init__(self, there: Mapping[str, str], launcher: Launcher | None = None) -> None:
        self._there, self._launcher = there, launcher

    def __enter__(self) -> Present:
        if self._launcher is not None:
            self._launcher.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._launcher is not None:
            self._launcher.__exit__(*error)  # type: ignore[arg-type]

    def room(self) -> int:
        return self._launcher.room() if self._launcher is not None else 0

    def launch(self, name: str, zone: str) -> Launched:
        if name in self._there:
            return Launched(self._there[name], time.monotonic())
        if self._launcher is None:
            raise LaunchError(f"{name} isn't there, and there is no image to launch it from")
        return self._launcher.launch(name, zone)

    def variables(self, address: str) -> dict[str, Any]:
        if self._launcher is None:
            raise LaunchError(f"nobody knows how {address} is reached: it isn't in the inventory")
        return self._launcher.variables(address)

    def terminate(self, names: Sequence[str]) -> None:
        others = [name for name in names if name not in self._there]
        if self._launcher is not None and others:
            self._launcher.terminate(others)
