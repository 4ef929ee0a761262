# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program that is a piece of text: it really listens and answers, and needs nothing but Python.

The file's first line is ``winlab-program``, the rest is JSON or YAML:

    winlab-program
    port: "${PORT}"              # a number, or from the environment or a ``--port 8080`` among the arguments
    answers:
      /health: [200, "ok"]
      /version: [200, "1.0.0"]
    start_error: ""              # what Windows says when it does not start
    start_seconds: 0
    stop_seconds: 0
    run: {rc: 0, stdout: "", stderr: ""}     # when it is run as a command and not as a service
"""

from __future__ import annotations

import itertools
import shlex
import string
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from ..errors import WindowsError
from . import Completed, Process, Program

MARK = b"winlab-program"
_PIDS = itertools.count(4004, 4)


class StandIn:
    def takes(self, file: Path) -> bool:
        with file.open("rb") as opened:
            return opened.read(len(MARK)) == MARK

    def start(self, program: Program) -> Process:
        wanted = _read(program)
        time.sleep(float(wanted.get("start_seconds", 0)))
        if wanted.get("start_error"):
            raise WindowsError(wanted["start_error"])
        return _Listening(program.address, wanted)

    def run(self, program: Program, stdin: str, timeout: float) -> Completed:
        told = _read(program).get("run") or {}
        return Completed(int(told.get("rc", 0)), str(told.get("stdout", "")), str(told.get("stderr", "")))

    def close(self) -> None:
        pass


def _read(program: Program) -> dict[str, Any]:
    text = program.file.read_text().partition("\n")[2]
    values = {**program.environment, **_options(program.arguments)}
    return yaml.safe_load(string.Template(text).safe_substitute(values)) or {}


def _options(arguments: str) -> dict[str, str]:
    """``--port 8080 --name=x`` as PORT and NAME."""
    words = shlex.split(arguments.replace("\\", "\\\\"))
    found: dict[str, str] = {}
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found[name.upper().replace("-", "_")] = value if equals else following
    return found


class _Listening:
    """Its port is open from the start to the end, where it has one."""

    def __init__(self, address: str, wanted: dict[str, Any]) -> None:
        self.pid = next(_PIDS)
        self.alive = True
        self._stop_seconds = float(wanted.get("stop_seconds", 0))
        self._server: ThreadingHTTPServer | None = None
        if wanted.get("port"):
            self._server = self._listen(address, int(wanted["port"]), wanted.get("answers") or {})

    def _listen(self, address: str, port: int, answers: dict[str, Any]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path.partition("?")[0], [404, "not found"])
                self.send_response(int(status))
                data = str(body).encode()
                self.send_header("Content-Type", "application/json" if data[:1] in b"{[" else "text/plain")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        try:
            server = ThreadingHTTPServer((address, port), Handler)
        except OSError as error:
            raise WindowsError(
                f"The process terminated unexpectedly: port {port} is in use ({error}). (1067)"
            ) from None
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def stop(self) -> None:
        time.sleep(self._stop_seconds)
        self.alive = False
        if self._server:
            self._server.shutdown()
            self._server.server_close()
