from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
from email.message import Message

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _gates_health as health
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_health import (
    Answer,
    NoAnswerError,
    Target,
    UnhealthyError,
)

JSON = {"path": "/v", "status": 200, "version_json": "app.version", "timeout_seconds": 5}
HEADER = {"path": "/", "status": 204, "version_header": "X-Release", "timeout_seconds": 5}
PATTERN = {"path": "/", "status": 200, "version_pattern": r"version (\S+)", "timeout_seconds": 5}


def answer(status=200, body=b"", **headers):
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Answer(status, message, body if isinstance(body, bytes) else json.dumps(body).encode())


def running(version):
    return {"app": {"version": version}}


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        pytest.param(JSON, answer(body=running("1.0")), id="in JSON"),
        pytest.param(HEADER, answer(204, X_Release="1.0 "), id="in a header"),
        pytest.param(HEADER, answer(204, x_release="1.0"), id="in a header of small letters"),
        pytest.param(PATTERN, answer(body=b"\xff app version 1.0 here"), id="in a text"),
        pytest.param(JSON, answer(body=b'{"app": {"version": 1.0}}'), id="as a number, by how it is written"),
    ],
)
def test_a_healthy_answer(expected, got):
    assert health.judge(got, expected, "1.0", None) is None


@pytest.mark.parametrize(
    ("expected", "got", "wrong"),
    [
        pytest.param(JSON, answer(body=running("0.9")), "version 0.9 instead of 1.0", id="another version"),
        pytest.param(JSON, answer(body=b'{"app": {"version": 1.00}}'), "version 1.00 instead of 1.0", id="a number"),
        pytest.param(JSON, answer(503, b"starting"), "HTTP 503 instead of 200", id="not ready"),
        pytest.param(
            JSON, answer(503, running("0.9")), "HTTP 503 instead of 200, version 0.9 instead of 1.0", id="both wrong"
        ),
        pytest.param(JSON, answer(302, Location="/login"), "HTTP 302 to /login instead of 200", id="a redirect"),
        pytest.param(JSON, answer(body=b"<html>"), "no JSON with the version in '<html>'", id="no JSON"),
        pytest.param(JSON, answer(body=b"[" * 100000), "no JSON with the version", id="JSON that is too deep"),
        pytest.param(JSON, answer(body={"app": {}}), "no version at app.version in '{", id="no key"),
        pytest.param(JSON, answer(body=["app"]), "no version at app.version in", id="a list"),
        pytest.param(JSON, answer(body=running(None)), "no version at app.version in", id="null"),
        pytest.param(JSON, answer(body=running({"a": 1})), "no version at app.version in", id="a mapping"),
        pytest.param(HEADER, answer(204), "no header X-Release with the version", id="no header"),
        pytest.param(PATTERN, answer(body=b"nothing"), r"no version where 'version (\\S+)' looks", id="no match"),
    ],
)
def test_what_is_wrong_with_an_answer(expected, got, wrong):
    assert health.judge(got, expected, "1.0", None).startswith(wrong)


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        pytest.param({"X_Fleet_Member": "web3"}, None, id="the right one"),
        pytest.param({"X_Fleet_Member": "web4"}, "answered by web4 instead of web3", id="another one"),
        pytest.param({}, "answered by something that sets no X-Fleet-Member instead of web3", id="not the pool"),
    ],
)
def test_the_member_has_to_be_the_one_that_answers(headers, wrong):
    assert health.judge(answer(body=running("1.0"), **headers), JSON, "1.0", "web3") == wrong


class Member(http.server.BaseHTTPRequestHandler):
    """Answers with what is next in the server's `script`; the last of it for ever."""

    def do_GET(self):
        script = self.server.script
        status, headers, body = script.pop(0) if len(script) > 1 else script[0]
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def member():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Member)
    server.script, server.asked = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def raw():
    """Starts a server that sends bytes as a function of its socket says, and knows nothing of HTTP."""
    with contextlib.ExitStack() as stack:

        def start(behave):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _address = listening.accept()
                        with connection, contextlib.suppress(OSError):
                            behave(connection)

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield start


def script(version, status=200):
    return status, {"X-Fleet-Member": "web3"}, json.dumps(running(version)).encode()


def test_a_member_that_becomes_healthy_is_waited_for(member):
    member.script = [script("0.9", 503), script("0.9"), script("1.0")]
    health.wait([Target("web3 through lb1", member.url, "web3")], JSON, "1.0")
    assert [path for path, _headers in member.asked] == ["/v"] * 3


def test_every_way_has_to_be_healthy(member):
    member.script = [script("1.0")]
    ways = [Target("web3 through lb1", member.url, "web3"), Target("web3 through lb2", "http://127.0.0.1:1", "web3")]
    with pytest.raises(UnhealthyError) as error:
        health.wait(ways, {**JSON, "timeout_seconds": 1}, "1.0")
    assert str(error.value) == "not healthy after 1 s; last seen: web3 through lb2: connection refused"
    assert len(member.asked) == 1


def test_the_error_tells_what_was_seen_last(member):
    member.script = [script("0.9", 503)]
    with pytest.raises(UnhealthyError) as error:
        health.wait([Target("web3 through lb1", member.url, "web3")], {**JSON, "timeout_seconds": 1}, "1.0")
    assert str(error.value) == (
        "not healthy after 1 s; last seen: web3 through lb1: HTTP 503 instead of 200, version 0.9 instead of 1.0"
    )
    assert 2 <= len(member.asked) <= 5


def test_a_redirect_is_not_followed_and_no_proxy_is_asked(member, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    member.script = [(302, {"Location": f"{member.url}/elsewhere"}, b"")]
    wrong = health.attempt(Target("web3", member.url), JSON, "1.0")
    assert wrong == f"HTTP 302 to {member.url}/elsewhere instead of 200"
    assert [path for path, _headers in member.asked] == ["/v"]


def test_the_path_of_a_url_is_kept(member):
    member.script = [script("1.0")]
    assert health.attempt(Target("web3", f"{member.url}/base/"), JSON, "1.0") is None
    assert member.asked[0][0] == "/base/v"


def test_a_body_without_end_is_not_read_to_its_end(member):
    member.script = [(200, {}, b"x" * (2 << 20))]
    with pytest.raises(NoAnswerError, match="HTTP 200 with more than 1 MiB"):
        health.ask(member.url, "/", 5)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="silence"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Long: ", id="a header that drips"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="a body that drips"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", id="a body with a length that drips"),
    ],
)
def test_an_answer_that_never_ends_is_cut_off(raw, sent):
    gone = threading.Event()

    def drip(connection):
        connection.sendall(sent)
        while sent and not gone.wait(0.05):
            connection.sendall(b"x")
        gone.wait(5)

    started = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"no whole answer within 0\.4 s"):
        health.ask(raw(drip), "/", 0.4)
    gone.set()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        pytest.param(b"", "closed the connection without an answer", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "no answer of HTTP: BadStatusLine", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "no answer of HTTP: IncompleteRead", id="cut"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000, "no answer of HTTP: HTTPException", id="headers"),
    ],
)
def test_answers_that_are_none(raw, sent, says):
    def behave(connection):
        connection.recv(65536)
        connection.sendall(sent)

    with pytest.raises(NoAnswerError) as error:
        health.ask(raw(behave), "/", 5)
    assert says in str(error.value)


def test_a_name_that_nobody_knows():
    with pytest.raises(NoAnswerError, match=r"not known|resolution|No address|name"):
        health.ask("http://no-such-host.invalid:1", "/", 5)
