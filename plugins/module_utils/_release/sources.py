# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where an artifact is to be had: at relays, which keep copies of what the store has, and at the store in the end.

A relay that brings nothing is passed by; one that breaks off in the middle is asked again after the others, as many
hosts that turn to the store are what relays are against. What has arrived is kept. Whichever way the bytes came, they
count when their sha256 is the one that was promised.
"""

from __future__ import annotations

import os
import socket
import time
import urllib.parse
from typing import Any

from .errors import FetchError
from .fetch import CutError, Download, fetch, without_secrets

# An attempt that brought this much was worth it: the attempts are counted afresh.
_PROGRESS = 1 << 16
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0
# How long a relay may take to be reached: it is near, or of no use.
_RELAY_CONNECT_SECONDS = 3.0


class Sources:
    """The relays that are still worth asking, and how the store is asked."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.headers: dict[str, str] = params["headers"]
        self.retries: int = params["retries"]
        self.timeout_seconds: float = params["fetch_timeout_seconds"]
        self.relays: list[str] = [] if self.headers or _has_secrets(params["url"]) else list(params["relays"])
        self.passed_by: list[str] = []

    def whole(self, url: str, path: str, max_bytes: int) -> tuple[str, int]:
        """Fetches ``url`` into ``path``; returns its sha256 and size."""
        with open(path, "wb") as file:
            download = Download(file)
            self.bring(url, download, max_bytes)
            return download.digest.hexdigest(), download.received

    def bring(self, url: str, download: Download, max_bytes: int) -> None:
        """Completes ``download`` of ``url``. Raises FetchError where nobody could."""
        while self.relays:
            relay, before = self.relays[0], download.received
            try:
                _reach(relay)
                return fetch(_at(relay, url), download, {}, max_bytes, self.timeout_seconds)
            except (CutError, FetchError, OSError) as error:
                del self.relays[0]
                if isinstance(error, CutError) and download.received - before >= _PROGRESS:
                    self.relays.append(relay)
                else:
                    self.passed_by.append(f"{without_secrets(relay)}: {error}")
        self._from_store(url, download, max_bytes)

    def distrust(self) -> bool:
        """Passes all relays by, as what came was not what was promised; returns whether anybody else is to be asked."""
        there = bool(self.relays)
        self.passed_by += [f"{without_secrets(relay)}: another content than was promised" for relay in self.relays[:1]]
        self.relays = []
        return there

    def said(self) -> str:
        """Which relay the bytes came from, and which were passed by; empty where there were none."""
        way = f" by {without_secrets(self.relays[0])}" if self.relays else ""
        return way + (f" (passed by: {'; '.join(self.passed_by)})" if self.passed_by else "")

    def _from_store(self, url: str, download: Download, max_bytes: int) -> None:
        """``retries`` are those in a row without progress."""
        failures = 0
        while True:
            before = download.received
            try:
                return fetch(url, download, self.headers, max_bytes, self.timeout_seconds)
            except CutError as cut:
                failures = 1 if download.received - before >= _PROGRESS else failures + 1
                if failures > self.retries:
                    raise FetchError(
                        f"{without_secrets(url)}: {cut}; gave up after {failures} attempts in a row"
                    ) from None
            # Spread by the process id: hosts that were cut off together don't come back together.
            pause = min(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1), _LONGEST_PAUSE_SECONDS)
            time.sleep(pause * (1 + os.getpid() % 16 / 16))


def _has_secrets(url: str) -> bool:
    """Whether it holds a password or a signature: they are for the store alone, as headers are."""
    parts = urllib.parse.urlsplit(url)
    return "@" in parts.netloc or bool(parts.query)


def _at(relay: str, url: str) -> str:
    """Where a relay has what the store has at ``url``: at the same path."""
    return relay.rstrip("/") + urllib.parse.urlsplit(url).path


def _reach(relay: str) -> None:
    """Raises OSError where the relay takes no connection: one that is down would cost a whole timeout otherwise."""
    parts = urllib.parse.urlsplit(relay)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), _RELAY_CONNECT_SECONDS).close()
