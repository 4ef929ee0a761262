# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One request for an artifact, or for a part of it, over HTTP(S): bounded, hashed while the bytes arrive."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from .errors import FetchError

_CHUNK = 1 << 16
# Below this many bytes a second over a whole timeout, a store counts as stalled.
_SLOW = 512
_WORTH_TRYING_AGAIN = (408, 425, 429)


class CutError(Exception):
    """This attempt is over, another one may do better; what has arrived is kept."""


class Download:
    """What has arrived of an artifact, at the end of a file, with its hash so far.

    ``length`` bytes from its byte ``first`` on are wanted, or all of it without.
    """

    def __init__(self, file: Any, first: int = 0, length: int | None = None) -> None:
        self.file, self.first, self.length = file, first, length
        self.start = file.tell()
        self.restart()

    def restart(self) -> None:
        self.file.seek(self.start)
        self.file.truncate()
        self.received = 0
        self.digest = hashlib.sha256()
        self.validator = ""

    def add(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.digest.update(chunk)
        self.received += len(chunk)

    def range(self) -> dict[str, str]:
        """The headers that ask for what is missing."""
        last = "" if self.length is None else self.first + self.length - 1
        wanted = {"Range": f"bytes={self.first + self.received}-{last}"}
        if self.received:
            # A weak tag doesn't promise the same bytes, so it is no ground to go on from.
            if not self.validator or self.validator.startswith("W/"):
                self.restart()
                return self.range()
            return {**wanted, "If-Range": self.validator}
        return wanted if self.length is not None else {}


def without_secrets(url: str) -> str:
    """``url`` for a message: no password, and no query, which may be a signature."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "a URL that can't be used"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def fetch(url: str, download: Download, headers: dict[str, str], max_bytes: int, timeout_seconds: float) -> None:
    """One request; what arrives is added to ``download``, which is whole when this returns.

    Raises CutError, or FetchError where asking again is of no use.
    """
    with _answered(url, download, headers, timeout_seconds) as response:
        if response.status == 200 and download.length is None:
            download.restart()
        elif response.status == 200:
            raise FetchError(f"{without_secrets(url)}: knows no ranges")
        elif response.status != 206 or _first_byte(response) != download.first + download.received:
            download.restart()
            raise CutError(f"answered {response.status} with another range than was asked for")
        download.validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        length = response.headers.get("Content-Length")
        total = download.received + int(length) if length and length.isdigit() else download.length
        _refuse_large(url, total or 0, max_bytes)
        for chunk in _chunks(response, timeout_seconds):
            download.add(chunk)
            _refuse_large(url, download.received, max_bytes)
    if total is not None and download.received < total:
        raise CutError(f"cut after {download.received} of {total} bytes")


def _answered(url: str, download: Download, headers: dict[str, str], timeout_seconds: float) -> Any:
    asked = {**headers, "Accept-Encoding": "identity", "User-Agent": "golden.fleet", **download.range()}
    try:
        request = urllib.request.Request(url, headers=asked)  # noqa: S310  # the engine admits http and https only
        return _opener().open(request, timeout=timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        answered = f"answered {error.code} {error.reason}"
        if error.code == 416:
            download.restart()
        elif error.code < 500 and error.code not in _WORTH_TRYING_AGAIN:
            raise FetchError(f"{without_secrets(url)}: {answered}") from None
        raise CutError(answered) from None
    except (OSError, http.client.HTTPException) as error:
        raise CutError(f"can't be reached: {getattr(error, 'reason', None) or error!r}") from None


def _first_byte(response: Any) -> int:
    """Where a partial answer begins, by its ``Content-Range: bytes 100-199/200``."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _chunks(response: Any, timeout_seconds: float) -> Iterator[bytes]:
    """The body as it arrives. Ends an attempt that brings nothing, or next to nothing, for the whole timeout."""
    since, arrived = time.monotonic(), 0
    while True:
        try:
            # One receive each: a full read would wait for as long as a trickle lasts.
            chunk = response.read1(_CHUNK)
        except TimeoutError:
            raise CutError(f"stalled: nothing arrived for {timeout_seconds:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise CutError(f"cut: {error!r}") from None
        if not chunk:
            return
        yield chunk
        arrived += len(chunk)
        if time.monotonic() - since >= timeout_seconds:
            if arrived < _SLOW * timeout_seconds:
                raise CutError(f"stalled: {arrived} bytes in {timeout_seconds:g} s")
            since, arrived = time.monotonic(), 0


def _refuse_large(url: str, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise FetchError(f"{without_secrets(url)}: {size} bytes or more, and the limit is {max_bytes}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect, but keeps the given headers, which may be secrets, from another host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if request and (old.scheme, old.netloc) != (new.scheme, new.netloc):
            kept = ("Range", "If-range", "Accept-encoding", "User-agent")
            request.headers = {name: value for name, value in request.headers.items() if name in kept}
        return request


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https, and nothing else: a redirect to a file is refused."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
