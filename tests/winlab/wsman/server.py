# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""POST /wsman over HTTP or HTTPS, one thread a connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree.ElementTree import ParseError

from ..errors import DroppedError
from . import soap
from .auth import SEALED_TYPE, Authentication, RefusedError, SealError
from .execution import Machine
from .psrp import PsrpShell
from .winrs import WinrsShell

Shell = WinrsShell | PsrpShell


@dataclass
class Policy:
    """What the WinRM service allows; as Windows has it unless told."""

    basic: bool = False
    unencrypted: bool = False


@dataclass
class WsmanServer:
    """One listener. ``port`` 0 takes a free one; ``start`` returns when it listens."""

    machine: Machine
    address: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    policy: Policy = field(default_factory=Policy)
    # Called with the action before it is served; a hazard raises DroppedError here.
    before: Callable[[str], None] = lambda action: None

    def __post_init__(self) -> None:
        self._shells: dict[str, Shell] = {}
        self._server: _Server | None = None
        self._lock = threading.Lock()

    def start(self) -> WsmanServer:
        self._server = _Server((self.address, self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """As a host that goes down: its connections end, its shells are gone, its port is closed."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.drop_all()
        self._shells.clear()

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    def serve(self, request: soap.Request) -> str:
        self.before(request.action)
        if request.action == "Create":
            kind = PsrpShell if "/powershell/" in request.resource.lower() else WinrsShell
            shell = kind(self.machine, request)
            self._shells[shell.shell_id] = shell
            return soap.created(request, shell.shell_id)
        if request.action == "Delete":
            self._shells.pop(request.shell_id, None)
            return ""
        return self._of_shell(request)

    def _of_shell(self, request: soap.Request) -> str:
        shell = self._shells.get(request.shell_id)
        if shell is None:
            raise soap.FaultError(soap.NO_SUCH_SHELL, f"The shell {request.shell_id} was not found on the server.")
        verbs: dict[str, Callable[[soap.Request], str]] = {
            "Command": shell.command,
            "Send": shell.send,
            "Receive": shell.receive,
            "Signal": shell.signal,
        }
        if request.action not in verbs:
            raise soap.FaultError(2150858816, f"winlab: not emulated: the WS-Management action {request.action}")
        return verbs[request.action](request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], endpoint: WsmanServer) -> None:
        self.endpoint = endpoint
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake is done here, on the connection's own thread, so that one slow client holds up nobody.
        connection = request
        self._open.add(request)
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.endpoint.tls is not None:
                connection = self.endpoint.tls.wrap_socket(request, server_side=True)
                self._open.add(connection)
            super().finish_request(connection, client_address)
        except (OSError, ValueError):
            pass  # the client went away or does not trust the certificate, or the host lost its power
        finally:
            self._open -= {request, connection}
            if connection is not request:
                connection.close()

    def drop_all(self) -> None:
        for connection in list(self._open):
            reset(connection)


def reset(connection: socket.socket) -> None:
    """Ends a connection in the rude way, as one to a host that lost its power."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    wbufsize = -1  # an answer leaves in one piece
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._auth = Authentication(self.server.endpoint.machine)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the host's own log has what matters, with the secrets masked."""

    def do_POST(self) -> None:  # named by http.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        policy = self.server.endpoint.policy
        sealed = "multipart/encrypted" in self.headers.get("Content-Type", "")
        try:
            token = self._auth.let_in(self.headers.get("Authorization", ""), basic=policy.basic)
        except RefusedError as refused:
            self._challenge(refused.challenge)
            return
        try:
            message = self._auth.unseal(body) if sealed else body
        except SealError:
            self._answer(400, b"")
            return
        if not message:  # clients send nothing while they authenticate
            self._answer(200, b"", token=token)
        elif not sealed and self.server.endpoint.tls is None and not policy.unencrypted:
            self._answer(500, soap.fault(None, 5, "Access is denied: unencrypted traffic is disabled."), token=token)
        else:
            self._serve(message, sealed, token)

    def _serve(self, message: bytes, sealed: bool, token: str | None) -> None:
        request = None
        try:
            request = soap.parse(message)
            status, answer = 200, soap.reply(request, self.server.endpoint.serve(request))
        except soap.FaultError as error:
            status, answer = 500, soap.fault(request, error.code, str(error))
        except ParseError as error:
            status, answer = 400, soap.fault(request, 2150858770, f"The request is no XML: {error}")
        except DroppedError:
            reset(self.connection)
            self.close_connection = True
            return
        except Exception as error:  # a fault of winlab itself, told to the client instead of a silent thread
            status, answer = 500, soap.fault(request, 1359, f"winlab: {type(error).__name__}: {error}")
        self._answer(status, answer, sealed=sealed, token=token)

    def _challenge(self, token: str | None) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", f"Negotiate {token}" if token else "Negotiate")
        if self.server.endpoint.policy.basic and not token:
            self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    def _answer(self, status: int, body: bytes, *, sealed: bool = False, token: str | None = None) -> None:
        if sealed and body:
            body = self._auth.seal(body)
        self.send_response(status)
        if token:
            self.send_header("WWW-Authenticate", f"Negotiate {token}")
        self.send_header("Content-Type", SEALED_TYPE if sealed and body else "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
