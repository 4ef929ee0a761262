# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runspace pool that the psrp connection plugin uses. The protocol itself is psrpcore's."""

from __future__ import annotations

import base64
import threading
import uuid
from collections import defaultdict, deque
from typing import Any

import psrpcore
from psrpcore.types import ErrorCategory, ErrorCategoryInfo, HostMethodIdentifier, NETException, PSInvocationState

from . import soap
from .execution import Answer, Command, Execution, Machine
from .winrs import CHUNK


class _Running:
    """A pipeline: its script comes in pieces, then its input, then it runs."""

    def __init__(self, pool: psrpcore.ServerRunspacePool, pipeline_id: uuid.UUID) -> None:
        self.pipeline = psrpcore.ServerPipeline(pool, pipeline_id)
        self.script: Any = None
        self.stdin: list[str] = []
        self.ready = False
        self.execution: Execution | None = None

    def command(self) -> Command:
        statement = self.script.commands[0]
        arguments = [str(value) for _name, value in statement.parameters]
        return Command(str(statement.command_text), self.stdin, "psrp", arguments)


class PsrpShell:
    def __init__(self, machine: Machine, request: soap.Request) -> None:
        self.shell_id = (request.wanted("Shell").get("ShellId") or str(uuid.uuid4())).upper()
        self._machine = machine
        self._pool = psrpcore.ServerRunspacePool()
        self._lock = threading.RLock()
        self._running: dict[uuid.UUID, _Running] = {}
        self._outbox: dict[uuid.UUID | None, deque[bytes]] = defaultdict(deque)
        creation = request.body.find(".//pwsh:creationXml", soap.NAMESPACES)
        if creation is None:
            raise soap.FaultError(2150858770, "The shell has no creationXml.")
        self._take(creation.text or "", None)

    def command(self, request: soap.Request) -> str:
        line = request.wanted("CommandLine")
        pipeline_id = uuid.UUID(line.get("CommandId"))
        with self._lock:
            self._running[pipeline_id] = _Running(self._pool, pipeline_id)
            self._take(
                "".join(part.text or "" for part in line.iterfind("rsp:Arguments", soap.NAMESPACES)), pipeline_id
            )
        return soap.command_started(str(pipeline_id).upper())

    def send(self, request: soap.Request) -> str:
        stream = request.wanted("Stream")
        of = stream.get("CommandId")
        with self._lock:
            self._take(stream.text or "", uuid.UUID(of) if of else None)
        return "<rsp:SendResponse/>"

    def receive(self, request: soap.Request) -> str:
        of = request.wanted("DesiredStream").get("CommandId")
        pipeline_id = uuid.UUID(of) if of else None
        running = self._running.get(pipeline_id) if pipeline_id else None
        if pipeline_id and running is None:
            raise soap.FaultError(2150858844, f"There is no pipeline {of} in this runspace pool.")
        if running is not None and running.execution is not None:
            answer = running.execution.wait(request.timeout_seconds)
            if answer is not None:
                with self._lock:
                    running.execution = None
                    self._finish(running.pipeline, answer)
        with self._lock:
            waiting = self._outbox[pipeline_id]
            if not waiting:
                # Nothing to say: a pool has nothing of its own, a pipeline still works.
                raise soap.FaultError(
                    soap.TIMED_OUT, "The WS-Management service cannot complete the operation in time."
                )
            data = waiting.popleft()
        command_id = str(pipeline_id).upper() if pipeline_id else ""
        done = running is not None and running.ready and running.execution is None and not waiting
        return (
            "<rsp:ReceiveResponse>"
            + soap.stream("stdout", command_id, base64.b64encode(data).decode())
            + (soap.state(command_id, 0) if done else "")
            + "</rsp:ReceiveResponse>"
        )

    def signal(self, request: soap.Request) -> str:
        with self._lock:
            pipeline_id = uuid.UUID(request.wanted("Signal").get("CommandId"))
            self._running.pop(pipeline_id, None)
            self._outbox.pop(pipeline_id, None)
            self._pool.pipeline_table.pop(pipeline_id, None)
        return "<rsp:SignalResponse/>"

    def _take(self, encoded: str, pipeline_id: uuid.UUID | None) -> None:
        """Fragments from the client; psrpcore answers some of them by itself."""
        data = base64.b64decode(encoded)
        self._pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, pipeline_id))
        while (event := self._pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                self._begin(self._running[event.pipeline_id], event.pipeline)
            elif isinstance(event, psrpcore.PipelineInputEvent):
                self._running[event.pipeline_id].stdin += _strings(event.data)
            elif isinstance(event, psrpcore.EndOfPipelineInputEvent):
                self._execute(self._running[event.pipeline_id])
        self._post()

    def _begin(self, running: _Running, script: Any) -> None:
        running.script = script
        running.pipeline.metadata = script
        # Not ``start``, which tells the client so: fetch_file takes the first answer for the first output.
        running.pipeline.state = PSInvocationState.Running
        if script.no_input:
            self._execute(running)

    def _execute(self, running: _Running) -> None:
        running.ready = True
        command = running.command()
        running.execution = Execution(lambda: self._machine.execute(command))

    def _finish(self, pipeline: psrpcore.ServerPipeline, answer: Answer) -> None:
        for line in answer.output:
            pipeline.write_output(line)
        if answer.error:
            pipeline.write_error(
                NETException(answer.error),
                ErrorCategoryInfo(Category=ErrorCategory.NotSpecified),
                fully_qualified_error_id="NativeCommandError",
            )
        pipeline.host_call(HostMethodIdentifier.SetShouldExit, [answer.rc])
        pipeline.complete()
        self._post()

    def _post(self) -> None:
        while (payload := self._pool.data_to_send(CHUNK)) is not None:
            self._outbox[payload.pipeline_id].append(payload.data)


def _strings(data: Any) -> list[str]:
    """What one object of input holds: mostly one line; file content comes as a list with one."""
    if isinstance(data, (list, tuple)) or hasattr(data, "extend"):
        return [str(item) for item in data]
    return [str(data)]
