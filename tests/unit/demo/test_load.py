# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The load in its own process against servers that treat connections in all the ways that a balancer may."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from demo.load import CHECKOUT, Load
from demo.records import Config, LoadError, Target

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Release: 1.2\r\n\r\nok"
TARGET = Target("web", "web.test", "/", {"header": "X-Release"})


@contextmanager
def server(behave: Callable[[socket.socket, int], None]) -> Iterator[str]:
    """A server whose n-th connection is given to ``behave``; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            number = 0
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=closing, args=(connection, number), daemon=True).start()
                number += 1

        def closing(connection: socket.socket, number: int) -> None:
            with connection:
                behave(connection, number)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def answer(connection: socket.socket, times: int = 10**6, answer: bytes = ANSWER) -> None:
    """Answers so many requests on one connection."""
    while times and connection.recv(65536):
        connection.sendall(answer)
        times -= 1


def always(connection: socket.socket, _: int) -> None:
    answer(connection)


def swallow(connection: socket.socket, _: int) -> None:
    """Reads and never answers."""
    while connection.recv(65536):
        pass


def reset(connection: socket.socket) -> None:
    """Closes with a reset, as a process that dies does to what it has not read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_and_reset(connection: socket.socket, _: int) -> None:
    connection.recv(1)
    reset(connection)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return f"http://127.0.0.1:{once.getsockname()[1]}"


def load(tmp_path, url: str, **more) -> Load:
    given = {"rate": 50, "seconds": 60, "requests": 10, "timeout_seconds": 0.5}
    return Load(Config(**{"balancers": {"lb1": url}, "targets": (TARGET,), **given, **more}), tmp_path)


def run(tmp_path, url: str, **more):
    with load(tmp_path, url, **more) as running:
        until = time.monotonic() + 15
        while running.running and time.monotonic() < until:
            time.sleep(0.02)
        return running.stop(), running.records()


def test_answers_are_counted_with_their_version(tmp_path):
    with server(always) as url:
        figures, records = run(tmp_path, url)
    assert (figures.requests, figures.failed, figures.retries, figures.failovers) == (10, 0, 0, 0)
    assert figures.versions == {"web": {"1.2": 10}}
    assert figures.facts["cpu_seconds"] > 0
    assert [round(b.t - a.t, 3) for a, b in zip(records, records[1:], strict=False)] == [0.02] * 9


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        pytest.param(
            lambda c, _: answer(c, 99, ANSWER.replace(b"200 OK", b"503 No")), "status 503", id="an error status"
        ),
        pytest.param(lambda c, _: answer(c, 99, ANSWER.replace(b"X-Re", b"Y-Re")), "no version", id="no version"),
        pytest.param(lambda c, _: answer(c, 99, ANSWER.replace(b": 2", b": 9")), "timeout", id="an answer cut short"),
        pytest.param(swallow, "timeout", id="no answer at all"),
        pytest.param(lambda c, _: c.recv(1), "lost: ", id="a new connection closed before its answer"),
        pytest.param(read_and_reset, "lost: ", id="a new connection that is reset"),
    ],
)
def test_what_a_customer_would_call_a_failure_is_one(tmp_path, behave, error):
    with server(behave) as url:
        figures, records = run(tmp_path, url, requests=3, rate=100)
    assert (figures.requests, figures.failed, figures.retries) == (3, 3, 0)
    assert all(record.error.startswith(error) for record in records), figures.errors


def test_a_kept_connection_that_was_closed_is_not_used_again(tmp_path):
    with server(lambda connection, _: answer(connection, 1)) as url:
        figures, _ = run(tmp_path, url, rate=20)
    assert (figures.requests, figures.failed) == (10, 0)


def test_a_kept_connection_that_ends_as_it_is_used_is_no_failure_and_is_told(tmp_path):
    def once_then_reset(connection: socket.socket, _: int) -> None:
        answer(connection, 1)
        connection.recv(1)
        reset(connection)

    with server(once_then_reset) as url:
        figures, _ = run(tmp_path, url, rate=20)
    assert (figures.requests, figures.failed) == (10, 0)
    assert figures.retries >= 1, "all but the first, unless this machine is too busy to use a connection again"


def test_what_is_sent_again_goes_over_a_connection_of_its_own(tmp_path):
    """Several connections are kept, and all of them end as one is used: what a balancer that reloads does."""
    both = threading.Barrier(2)

    def once_then_reset(connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        if number < 2:
            both.wait(10)  # so that two connections are kept
        connection.sendall(ANSWER)
        connection.recv(1)
        reset(connection)

    with server(once_then_reset) as url:
        figures, _ = run(tmp_path, url, requests=4, rate=2, timeout_seconds=10)
    assert (figures.requests, figures.failed, figures.retries) == (4, 0, 2)


def test_it_is_sent_again_once_only(tmp_path):
    def first_connection_alone_answers(connection: socket.socket, number: int) -> None:
        if number == 0:
            answer(connection, 1)
        connection.recv(1)

    with server(first_connection_alone_answers) as url:
        figures, records = run(tmp_path, url, requests=2, rate=2)
    assert [record.failed for record in records] == [False, True]
    assert (figures.retries, figures.failed) == (1, 1)


def test_a_balancer_that_takes_no_connection_is_passed_over_and_that_is_told(tmp_path):
    with server(always) as url:
        figures, records = run(tmp_path, url, balancers={"lb1": closed_port(), "lb2": url})
    assert (figures.requests, figures.failed, figures.failovers) == (10, 0, 5)
    assert {record.balancer for record in records} == {"lb2"}


def test_no_balancer_at_all_is_a_failure(tmp_path):
    figures, _ = run(tmp_path, closed_port(), balancers={"lb1": closed_port(), "lb2": closed_port()}, requests=2)
    assert figures.errors == {"no connection: ClientConnectorError": 2}


def test_a_stall_does_not_slow_the_load_and_counts_from_when_requests_were_due(tmp_path):
    def slow(connection: socket.socket, _: int) -> None:
        connection.recv(9999)
        time.sleep(0.4)
        connection.sendall(ANSWER)
        answer(connection)

    with server(slow) as url:
        figures, records = run(tmp_path, url, rate=100, requests=30)
    assert figures.failed == 0
    assert figures.p50_ms >= 400
    assert max(record.t for record in records) - min(record.t for record in records) < 0.3


def test_too_many_in_flight_is_a_failure_of_its_own(tmp_path):
    with server(swallow) as url:
        figures, _ = run(tmp_path, url, requests=10, max_in_flight=4)
    assert figures.errors == {"overrun": 6, "timeout": 4}


def test_it_stops_when_told_and_says_what_it_saw(tmp_path):
    with server(always) as url, load(tmp_path, url, requests=0) as running:
        while len(running.records()) < 20:
            time.sleep(0.02)
        figures = running.stop()
        assert running.stop() is figures
    assert figures.requests == len(running.records()) >= 20
    assert not running.running


def test_its_process_ends_on_sigterm(tmp_path):
    with server(always) as url:
        (tmp_path / "c.json").write_text(load(tmp_path, url, requests=0).config.to_json())
        command = [sys.executable, "-m", "demo.load", "--config", tmp_path / "c.json", "--out", tmp_path / "o.jsonl"]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        while not (tmp_path / "o.jsonl").exists() or not (tmp_path / "o.jsonl").stat().st_size:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        facts, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(facts)["seconds"] > 0


def test_a_configuration_that_is_none_ends_it_with_the_reason(tmp_path):
    running = load(tmp_path, "http://127.0.0.1:1")
    object.__setattr__(running.config, "rate", -1)
    with running:
        while running.running:
            time.sleep(0.02)
        with pytest.raises(LoadError, match="rate"):
            running.stop()
