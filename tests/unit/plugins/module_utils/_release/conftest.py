# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Artifacts, and a store that fails on request."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release import engine, sources

FILES = {"app/main.py": b"print('one')\n", "app/data/text": b"x" * 3000, "README": b"read me\n"}


class Artifact(NamedTuple):
    path: Path
    sha256: str
    content: bytes


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], compression: str = "gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as tar:
        for member, content in members:
            member.size = len(content) or member.size
            tar.addfile(member, io.BytesIO(content) if content else None)
    return buffer.getvalue()


def file(name: str, mode: int = 0o644, **fields: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode = mode
    for field, value in fields.items():
        setattr(member, field, value)
    return member


def zip_of(members: list[tuple[zipfile.ZipInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a name is there twice
        for member, content in members:
            packed.writestr(member, content)
    return buffer.getvalue()


def zip_member(name: str, mode: int = 0o100644, **fields: Any) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo("name", (2020, 9, 13, 12, 26, 40))
    member.filename = name  # as it is: the class would turn backslashes and cut at a null
    member.create_system = 3
    member.external_attr = mode << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest.fixture
def make_artifact(tmp_path: Path) -> Callable[..., Artifact]:
    def make(name: str = "v1", files: dict[str, bytes] = FILES) -> Artifact:
        content = tar_of([(file(path), data + name.encode()) for path, data in files.items()])
        path = tmp_path / f"artifact-{name}.tar.gz"
        path.write_bytes(content)
        return Artifact(path, hashlib.sha256(content).hexdigest(), content)

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "web"


@pytest.fixture
def release(root: Path) -> Callable[..., dict[str, Any]]:
    """Runs the engine's change of one release."""

    def run(version: str, state: str, **params: Any) -> dict[str, Any]:
        return engine.main({"root": str(root), "version": version, "state": state, **params})

    return run


@pytest.fixture
def info(root: Path) -> Callable[[], dict[str, Any]]:
    return lambda: engine.main({"operation": "info", "root": str(root)})


@pytest.fixture
def stage(release: Callable[..., dict[str, Any]], make_artifact: Callable[..., Artifact]) -> Callable[..., Any]:
    """Stages versions out of pushed files."""

    def run(*versions: str, **params: Any) -> dict[str, Any]:
        for version in versions:
            artifact = make_artifact(version)
            result = release(version, "staged", src=str(artifact.path), sha256=artifact.sha256, **params)
        return result

    return run


class Store(http.server.ThreadingHTTPServer):
    """Serves one content. ``faults`` are used up from the front, one a request; after them all goes well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b""
        self.files: dict[str, bytes] = {}  # what else there is, by its path
        self.sent = 0
        self.faults: list[tuple[str, int]] = []
        self.requests: list[dict[str, str]] = []
        self.etag = '"one"'
        self.released = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.base}/web/web.tar.gz"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        self.server.requests.append({"path": self.path, **self.headers})
        fault, value = self.server.faults.pop(0) if self.server.faults else ("", 0)
        if fault == "status":
            self.send_error(value)
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(fault, value)

    def _send(self, fault: str, value: int) -> None:
        content = self.server.files.get(self.path, self.server.content)
        asked = self.headers.get("Range", "")
        first = 0
        if asked and self.headers.get("If-Range", self.server.etag) == self.server.etag and fault != "no ranges":
            first, last = (int(edge) if edge else None for edge in asked.removeprefix("bytes=").split("-"))
            whole, content = len(content), content[: len(content) if last is None else last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{whole}")
        else:
            self.send_response(200)
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.server.sent += len(content) - first
        if fault in ("cut", "stall"):
            self.wfile.write(content[first : first + value])
            self.wfile.flush()
            if fault == "stall":
                self.server.released.wait(10)
        elif fault == "trickle":
            for byte in content[first:]:
                if self.server.released.wait(value / 1000):
                    return
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(content[first:])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Store]:
    server = Store()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(sources, "_FIRST_PAUSE_SECONDS", 0.001)
    with serving() as server:
        yield server


@pytest.fixture
def relay() -> Iterator[Store]:
    """Another server, which hands on what the store has, or something else."""
    with serving() as server:
        yield server
