# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IIS as far as files go: each site that runs really listens and answers with what lies in its folder.

Only http bindings, only files of a known type, no ASP.NET. Off unless the host was made with ``sites=True``, as hosts
that share an address would take each other's ports.
"""

from __future__ import annotations

import ntpath
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import WindowsError
from .disk import Disk
from .state import Site, System

_TYPES = {".txt": "text/plain", ".htm": "text/html", ".html": "text/html", ".json": "application/json",
          ".css": "text/css", ".js": "application/javascript", ".png": "image/png", ".svg": "image/svg+xml",
          ".xml": "text/xml", ".ico": "image/x-icon", ".woff2": "font/woff2"}  # fmt: skip
_DEFAULTS = ("Default.htm", "index.htm", "index.html", "iisstart.htm")


class Sites:
    def __init__(self, system: System, disk: Disk, address: str) -> None:
        self._system, self._disk, self._address = system, disk, address
        self._listeners: dict[int, ThreadingHTTPServer] = {}
        self._lock = threading.Lock()

    def follow(self) -> None:
        """Listens where sites that run want it, and nowhere else; a site whose port is taken is stopped."""
        with self._lock:
            wanted = {one.port for site in self._running() for one in site.bindings if one.protocol == "http"}
            for port in set(self._listeners) - wanted:
                self._close(port)
            for port in wanted - set(self._listeners):
                self._listen(port)

    def close(self) -> None:
        with self._lock:
            for port in list(self._listeners):
                self._close(port)

    def _running(self) -> list[Site]:
        return [site for site in self._system.sites.values() if site.state == "Started"]

    def _close(self, port: int) -> None:
        listener = self._listeners.pop(port)
        listener.shutdown()
        listener.server_close()

    def _listen(self, port: int) -> None:
        sites = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version, sys_version = "Microsoft-IIS/10.0", ""

            def do_GET(self) -> None:
                name = self.headers.get("Host", "").partition(":")[0]
                status, kind, body = sites.answer(port, name, self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if self.command == "GET" else b"")

            do_HEAD = do_GET  # noqa: N815  # named by http.server

            def log_message(self, format: str, *args: Any) -> None:
                pass

        try:
            listener = ThreadingHTTPServer((self._address, port), Handler)
        except OSError:
            for site in self._running():
                if port in {one.port for one in site.bindings}:
                    site.state = "Stopped"
            return
        listener.daemon_threads = True
        self._listeners[port] = listener
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, port: int, name: str, path: str) -> tuple[int, str, bytes]:
        site = self._site(port, name)
        if site is None:
            return 400, "text/html", b"Bad Request - Invalid Hostname"
        pool = self._system.pools.get(site.application_pool.lower())
        if pool is None or pool.state != "Started":
            return 503, "text/html", b"Service Unavailable"
        return self._file(site, path)

    def _site(self, port: int, name: str) -> Site | None:
        """A binding with the host's name goes before one without a name."""
        for wanted in (name.lower(), ""):
            for site in self._running():
                for one in site.bindings:
                    if one.port == port and one.protocol == "http" and one.hostname.lower() == wanted:
                        return site
        return None

    def _file(self, site: Site, path: str) -> tuple[int, str, bytes]:
        place = ntpath.normpath(ntpath.join(site.physical_path, path.lstrip("/").replace("/", "\\")))
        try:
            if not f"{self._disk.key(place)}\\".startswith(f"{self._disk.key(site.physical_path)}\\"):
                return 404, "text/html", b"404 - File or directory not found."
            if self._disk.is_folder(place):
                found = [one for one in _DEFAULTS if self._disk.is_file(ntpath.join(place, one))]
                if not found:
                    return 403, "text/html", b"403 - Forbidden: Access is denied."
                place = ntpath.join(place, found[0])
            kind = _TYPES.get(ntpath.splitext(place)[1].lower())
            if kind is None or place.lower().endswith("web.config"):
                return 404, "text/html", b"404 - File or directory not found."
            return 200, kind, self._disk.read(place)
        except WindowsError:
            return 404, "text/html", b"404 - File or directory not found."
