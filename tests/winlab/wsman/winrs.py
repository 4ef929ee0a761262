# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The remote shell that the winrm connection plugin uses: a command line, bytes in, two streams of bytes out."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field

from . import soap
from .execution import Command, Execution, Machine

CHUNK = 380_000  # bytes of output in one Receive, well below the 500 KB of an envelope


@dataclass
class _Running:
    line: str
    stdin: bytearray = field(default_factory=bytearray)
    execution: Execution | None = None
    output: bytes | None = None
    error: str = ""
    rc: int = 0


class WinrsShell:
    def __init__(self, machine: Machine, request: soap.Request) -> None:
        self.shell_id = str(uuid.uuid4()).upper()
        self._machine = machine
        self._commands: dict[str, _Running] = {}

    def command(self, request: soap.Request) -> str:
        command_id = str(uuid.uuid4()).upper()
        parts = [request.wanted("Command").text or ""]
        parts += [argument.text or "" for argument in request.body.iterfind(".//rsp:Arguments", soap.NAMESPACES)]
        self._commands[command_id] = _Running(" ".join(part for part in parts if part))
        return soap.command_started(command_id)

    def send(self, request: soap.Request) -> str:
        stream = request.wanted("Stream")
        self._running(stream.get("CommandId")).stdin += base64.b64decode(stream.text or "")
        return "<rsp:SendResponse/>"

    def receive(self, request: soap.Request) -> str:
        """Runs the command at the first call: by then all of its input has come."""
        command_id = request.wanted("DesiredStream").get("CommandId") or ""
        running = self._running(command_id)
        if running.output is None:
            self._finish(running, request.timeout_seconds)
        head, running.output = (running.output or b"")[:CHUNK], (running.output or b"")[CHUNK:]
        text = base64.b64encode(head).decode()
        rc = None if running.output else running.rc
        return (
            "<rsp:ReceiveResponse>"
            + soap.stream("stdout", command_id, text)
            + (self._errors(command_id, running) if rc is not None else "")
            + soap.state(command_id, rc)
            + "</rsp:ReceiveResponse>"
        )

    def _finish(self, running: _Running, seconds: float) -> None:
        if running.execution is None:
            lines = bytes(running.stdin).decode("utf-8", "surrogateescape").splitlines()
            running.stdin.clear()
            command = Command(running.line, lines, "winrs")
            running.execution = Execution(lambda: self._machine.execute(command))
        answer = running.execution.wait(seconds)
        if answer is None:
            raise soap.FaultError(soap.TIMED_OUT, "The WS-Management service cannot complete the operation in time.")
        running.output = "".join(f"{line}\r\n" for line in answer.output).encode("utf-8", "surrogatepass")
        running.rc = answer.rc
        running.error = answer.error

    def _errors(self, command_id: str, running: _Running) -> str:
        text = base64.b64encode(running.error.encode()).decode()
        return soap.stream("stderr", command_id, text) if text else ""

    def signal(self, request: soap.Request) -> str:
        self._commands.pop((request.wanted("Signal").get("CommandId") or "").upper(), None)
        return "<rsp:SignalResponse/>"

    def _running(self, command_id: str | None) -> _Running:
        try:
            return self._commands[(command_id or "").upper()]
        except KeyError:
            raise soap.FaultError(2150858844, f"There is no command {command_id} in this shell.") from None
