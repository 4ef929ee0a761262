# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a test in another process may do to the hosts, as JSON over HTTP on the loopback. Not for anything but tests.

GET    /                        the hosts: address, port, whether a reboot is pending, services
GET    /win1/log                what reached the host
POST   /win1/hazards            {"locked": ["C:\\\\x.dll"], "drops": [{"at": "win_file"}]}
DELETE /win1/hazards            none any more
POST   /win1/answers            {"text": "Get-Date", "stdout": "now"}
POST   /win1/power              {"on": false}
POST   /win1/reboot             {}
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .host import Host
from .lab import Lab


def serve(lab: Lab, port: int = 0) -> ThreadingHTTPServer:
    """Listens at once; ``shutdown`` of what it returns ends it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda body: _read(lab, self.path))

        def do_POST(self) -> None:
            self._answer(lambda body: _change(lab, self.path, body))

        def do_DELETE(self) -> None:
            self._answer(lambda body: _clear(lab, self.path))

        def _answer(self, work: Any) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, told = 200, work(json.loads(body or b"{}"))
            except (KeyError, ValueError, TypeError, StopIteration) as error:
                status, told = 400, {"error": f"{type(error).__name__}: {error}"}
            data = json.dumps(told, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def _split(lab: Lab, path: str) -> tuple[Host, str]:
    _, name, verb = path.split("/")
    return lab[name], verb


def _read(lab: Lab, path: str) -> Any:
    if path == "/":
        return {host.name: _told(host) for host in lab.hosts}
    host, verb = _split(lab, path)
    return {"log": [asdict(entry) for entry in host.log.entries]}[verb]


def _told(host: Host) -> dict[str, Any]:
    return {
        "address": host.address,
        "port": host.port,
        "boots": host.boots,
        "reboot_pending": host.reboot_pending,
        "not_emulated": host.not_emulated,
        "services": {service.name: service.state for service in host.services if not service.built_in},
    }


def _change(lab: Lab, path: str, body: dict[str, Any]) -> Any:
    host, verb = _split(lab, path)
    verbs = {
        "hazards": lambda: host.set_hazards(**body),
        "answers": lambda: host.answers.say(body.pop("text"), **body),
        "power": lambda: host.power_on() if body["on"] else host.power_off(),
        "reboot": host.reboot,
    }
    verbs[verb]()
    return _told(host)


def _clear(lab: Lab, path: str) -> Any:
    host, verb = _split(lab, path)
    if verb != "hazards":
        raise KeyError(verb)
    host.clear_hazards()
    return _told(host)
