# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One customer's request: one try, as a careful client with two addresses makes it, and no kindness beyond that."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import aiohttp

from demo.records import Config, Record, Target

_EPOCH = time.time() - time.monotonic()


def now() -> float:
    """Epoch seconds on a clock that nobody sets while the load runs."""
    return _EPOCH + time.monotonic()


class NoConnectionError(Exception):
    """The balancer took no connection, so nothing was sent."""


class LostError(Exception):
    """The connection ended before the answer's head came."""

    def __init__(self, error: Exception, *, reused: bool) -> None:
        super().__init__(f"lost: {type(error).__name__}")
        self.reused = reused


async def _told_apart(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Names the two ways of having no answer, and so takes from aiohttp its own retry.

    By itself aiohttp sends a GET again after any disconnection, on a new connection too: failures would be hidden.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NoConnectionError(f"no connection: {type(error).__name__}") from error
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise LostError(error, reused=False) from error


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx["reused"] = True


class Client:
    """Sends requests over kept-alive connections; open as long as its ``async with`` block."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._kept = self._session(aiohttp.TCPConnector(limit=0, keepalive_timeout=30))
        # What is sent again goes over a connection of its own: where one kept connection was closed, as by a balancer
        # that reloads, the others were as well.
        self._new = self._session(aiohttp.TCPConnector(limit=0, force_close=True))

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._config.connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            middlewares=[_told_apart],
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kept.close()
        await self._new.close()

    async def request(self, target: Target, first: str, due: float) -> Record:
        """Asks ``target`` at the balancer named ``first``; ``due`` is the epoch time that its clock starts at."""
        note = {"balancer": first, "status": 0, "version": None, "failover": False, "retried": False, "sent": 0.0}
        error: str | None = None
        try:
            async with asyncio.timeout(self._config.timeout_seconds - (now() - due)):
                await self._careful(target, note)
        except TimeoutError:
            error = "timeout"
        except (NoConnectionError, LostError) as seen:
            error = str(seen)
        except aiohttp.ClientError as seen:
            error = f"broken answer: {type(seen).__name__}"
        if error is None and note["status"] != 200:
            error = f"status {note['status']}"
        if error is None and note["version"] is None:
            error = "no version"
        ms = round((now() - due) * 1000, 2)
        return Record(t=round(due, 4), service=target.service, ms=ms, error=error, **note)  # type: ignore[arg-type]

    async def _careful(self, target: Target, note: dict) -> None:
        """One try, and what RFC 9110 and two addresses allow beside it: one resend, one other balancer."""
        try:
            await self._resent(target, note)
        except NoConnectionError:
            others = [name for name in self._config.balancers if name != note["balancer"]]
            if not others:
                raise
            note.update(balancer=others[0], failover=True)
            await self._resent(target, note)

    async def _resent(self, target: Target, note: dict) -> None:
        try:
            await self._once(self._kept, target, note)
        except LostError as lost:
            if not lost.reused or note["retried"]:
                raise
            note["retried"] = True
            await self._once(self._new, target, note)

    async def _once(self, session: aiohttp.ClientSession, target: Target, note: dict) -> None:
        url = self._config.balancers[note["balancer"]] + target.path
        context: dict[str, bool] = {}
        note["sent"] = round(now(), 4)
        try:
            async with session.get(
                url, headers={"Host": target.host_header}, allow_redirects=False, trace_request_ctx=context
            ) as answer:
                body = await answer.read()
                note.update(status=answer.status, version=target.read_version(answer.headers, body))
        except LostError as lost:
            lost.reused = "reused" in context
            raise
