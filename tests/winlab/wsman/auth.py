# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is at the other end of one connection: Basic at each request, or Negotiate once with sealed messages after it."""

from __future__ import annotations

import base64
import binascii
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import spnego
from spnego._ntlm_raw.crypto import ntowfv1

from .execution import Machine

_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
_NO_HASH = "0" * 32  # of LAN Manager, which nobody uses any more
_BOUNDARY = b"--Encrypted Boundary"
SEALED_TYPE = f'multipart/encrypted;protocol="{_PROTOCOL}";boundary="Encrypted Boundary"'
# pyspnego finds the users of an NTLM server in a file that the environment names, which all threads share.
_ENVIRONMENT = threading.Lock()


class RefusedError(Exception):
    """Not let in; ``challenge`` is what the client may answer to."""

    def __init__(self, challenge: str | None = None) -> None:
        super().__init__("not authenticated")
        self.challenge = challenge


class SealError(Exception):
    """A message that was sealed for another connection, or has been touched."""


class Authentication:
    """Of one TCP connection, as with Windows."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._context: spnego.ContextProxy | None = None
        self.user: str | None = None

    @property
    def negotiated(self) -> bool:
        return self._context is not None and self._context.complete

    def let_in(self, header: str, *, basic: bool) -> str | None:
        """Returns a token that goes back with the answer, None where there is none; raises RefusedError."""
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic" and basic:
            self._basic(value)
            return None
        if scheme.lower() == "negotiate" and value:
            return self._negotiate(value)
        if self.negotiated and not header:
            return None
        raise RefusedError

    def _basic(self, value: str) -> None:
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise RefusedError from None
        wanted = self._machine.password(user)
        if wanted is None or password != wanted:
            raise RefusedError
        self.user = user

    def _negotiate(self, value: str) -> str | None:
        token = base64.b64decode(value)
        protocol = "ntlm" if token.startswith(b"NTLMSSP\0") else "negotiate"
        with self._user_file():
            if self._context is None or self._context.complete:
                self._context = spnego.server(protocol=protocol, options=spnego.NegotiateOptions.use_negotiate)
            try:
                answer = self._context.step(token)
            except spnego.exceptions.SpnegoError:
                self._context = None
                raise RefusedError from None
        encoded = base64.b64encode(answer).decode() if answer else None
        if not self._context.complete:
            raise RefusedError(encoded)
        self.user = self._context.client_principal
        return encoded

    @contextmanager
    def _user_file(self) -> Iterator[None]:
        with _ENVIRONMENT, tempfile.NamedTemporaryFile("w", suffix=".ntlm") as file:
            for user in self._machine.users():
                # Not the password itself: the fields are parted by colons, and it may have some.
                known = ntowfv1(self._machine.password(user) or "").hex()
                # As "user", ".\\user" or "HOST\\user".
                for domain in ("", ".\\", f"{self._machine.name}\\", f"{self._machine.name.upper()}\\"):
                    file.write(f"{domain}{user}:0:{_NO_HASH}:{known}:[U]:LCT-0\n")
            file.flush()
            before = os.environ.get("NTLM_USER_FILE")
            os.environ["NTLM_USER_FILE"] = file.name
            try:
                yield
            finally:
                if before is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = before

    def unseal(self, body: bytes) -> bytes:
        """The message within a multipart/encrypted body."""
        if not self.negotiated or self._context is None:
            raise SealError
        marker = b"Content-Type: application/octet-stream\r\n"
        start = body.find(marker)
        end = body.rfind(_BOUNDARY + b"--")
        if start < 0 or end < start:
            raise SealError
        sealed = body[start + len(marker) : end]
        size = struct.unpack("<i", sealed[:4])[0]
        try:
            return self._context.unwrap_winrm(sealed[4 : 4 + size], sealed[4 + size :])
        except spnego.exceptions.SpnegoError:
            raise SealError from None

    def seal(self, message: bytes) -> bytes:
        if self._context is None:
            raise SealError
        header, data, padding = self._context.wrap_winrm(message)
        length = len(message) + padding
        return b"\r\n".join(
            [
                _BOUNDARY,
                b"\tContent-Type: " + _PROTOCOL.encode(),
                b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=" + str(length).encode(),
                _BOUNDARY,
                b"\tContent-Type: application/octet-stream",
                struct.pack("<i", len(header)) + header + data + _BOUNDARY + b"--",
                b"",
            ]
        )
