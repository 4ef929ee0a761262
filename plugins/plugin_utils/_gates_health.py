# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The health gate: asks a member until its answer is the one that the contract expects of the version."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from typing import Any, NamedTuple

_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 0.3
_BODY_LIMIT = 1 << 20
# A balancer says in this header of an answer from the maintenance pool which member gave it.
MEMBER_HEADER = "X-Fleet-Member"


class Target(NamedTuple):
    """One way to a member.

    ``member`` is what the balancer on the way must say; None where none is on the way. ``domain`` is the Host that is
    asked for, the customers' one as in the balancer's own checks.
    """

    name: str
    url: str
    member: str | None = None
    domain: str | None = None


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


class NoAnswerError(Exception):
    """Nothing that could be judged came back. Says what came instead."""


class UnhealthyError(Exception):
    """A member didn't become healthy in time. Says what was seen last, on each way to it."""


def judge(answer: Answer, health: Mapping[str, Any], version: str, member: str | None) -> str | None:
    """What is wrong with an answer, or None where it is the healthy one of ``version`` and of ``member``."""
    wrong = []
    if answer.status != health["status"]:
        place = f" to {answer.headers['Location']}" if answer.headers.get("Location") else ""
        wrong.append(f"HTTP {answer.status}{place} instead of {health['status']}")
    running, why_not = _version(answer, health)
    if running is not None and running != version:
        wrong.append(f"version {running} instead of {version}")
    elif running is None and not wrong:
        wrong.append(why_not)
    came_from = answer.headers.get(MEMBER_HEADER)
    if member is not None and came_from != member:
        wrong.append(f"answered by {came_from or f'something that sets no {MEMBER_HEADER}'} instead of {member}")
    return ", ".join(wrong) or None


def _version(answer: Answer, health: Mapping[str, Any]) -> tuple[str | None, str]:
    """The version that an answer names, or else why none could be read."""
    text = answer.body.decode("utf-8", errors="replace")
    if health.get("version_header"):
        name = health["version_header"]
        value = answer.headers.get(name)
        return (value.strip(), "") if value else (None, f"no header {name} with the version")
    if health.get("version_pattern"):
        found = re.search(health["version_pattern"], text)
        if found and found[1] is not None:
            return found[1], ""
        return None, f"no version where {health['version_pattern']!r} looks for it in {_cut(text)}"
    key = health["version_json"]
    try:
        # Numbers stay the text that they are written as: 0.10 is another version than 0.1.
        value = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None, f"no JSON with the version in {_cut(text)}"
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return (value, "") if isinstance(value, str) else (None, f"no version at {key} in {_cut(text)}")


def _cut(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


def ask(url: str, path: str, limit_seconds: float, domain: str | None = None) -> Answer:
    """One GET, without redirects and proxies, done in ``limit_seconds`` all in all however slowly it drips."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    deadline = time.monotonic() + limit_seconds
    connection = kind(parts.hostname or "", parts.port, timeout=limit_seconds)
    headers = {"Connection": "close", **({"Host": domain} if domain else {})}
    try:
        connection.connect()
        with _cut_off(connection.sock, deadline):
            connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
            response = connection.getresponse()
            body = response.read(_BODY_LIMIT + 1)
            if response.length and len(body) <= _BODY_LIMIT:
                raise http.client.IncompleteRead(body, response.length)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            raise NoAnswerError(f"no whole answer within {limit_seconds:.3g} s") from error
        raise NoAnswerError(_reason(error)) from error
    finally:
        connection.close()
    if time.monotonic() >= deadline:
        raise NoAnswerError(f"no whole answer within {limit_seconds:.3g} s")
    if len(body) > _BODY_LIMIT:
        raise NoAnswerError(f"HTTP {response.status} with more than {_BODY_LIMIT >> 20} MiB")
    return Answer(response.status, response.headers, body)


@contextlib.contextmanager
def _cut_off(sock: socket.socket, deadline: float) -> Iterator[None]:
    """Ends the connection at ``deadline``: a socket's own timeout begins anew with each byte that arrives."""

    def end() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.RemoteDisconnected):
        return "closed the connection without an answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"no answer of HTTP: {type(error).__name__} {_cut(str(error))}"


def attempt(
    target: Target, health: Mapping[str, Any], version: str, limit_seconds: float = _ATTEMPT_SECONDS
) -> str | None:
    """What is wrong with the member on this way right now; None where it is healthy."""
    try:
        answer = ask(target.url, health["path"], limit_seconds, target.domain)
    except NoAnswerError as error:
        return str(error)
    return judge(answer, health, version, target.member)


def wait(targets: Sequence[Target], health: Mapping[str, Any], version: str) -> None:
    """Asks until the member was seen healthy on every way. Raises UnhealthyError when its time is over."""
    deadline = time.monotonic() + health["timeout_seconds"]
    pending = list(targets)
    while True:
        seen = {}
        for target in pending:
            left = deadline - time.monotonic()
            wrong = attempt(target, health, version, min(_ATTEMPT_SECONDS, max(0.5, left)))
            if wrong is not None:
                seen[target] = wrong
        pending = list(seen)
        if not pending:
            return
        if time.monotonic() + _PAUSE_SECONDS >= deadline:
            last = "; ".join(f"{target.name}: {wrong}" for target, wrong in seen.items())
            raise UnhealthyError(f"not healthy after {health['timeout_seconds']} s; last seen: {last}")
        time.sleep(_PAUSE_SECONDS)
