# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sampler, as it runs at a balancer, against an admin socket that answers as HAProxy 2.6 did."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from demo import sampler as sampling
from demo.lab import Host, LabError
from demo.on_balancer import members, sample
from demo.sampler import Sampler

HEADER = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,weight,"
ROWS = [
    "web,web1,0,0,0,1,,7,{},1,",
    "web,web2,0,0,0,1,,7,UP,1,",
    "web_maintenance,web1,0,0,0,0,,0,MAINT,1,",
    "other,web1,0,0,0,0,,0,UP,1,",
]
HERE = Host("lb1", {"ansible_connection": "local", "ansible_become": False})


def stat(status: str = "UP") -> str:
    return "\n".join([HEADER, *ROWS]).format(status) + "\n\n"


class Admin:
    """An admin socket, one command to a connection, that can be away for a while."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status = "UP"
        self.open()

    def open(self) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.path.unlink()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(4096)
                if not asked:  # a session that was killed between its connection and its command
                    continue
                assert asked == b"show stat -1 4 -1\n"
                with contextlib.suppress(BrokenPipeError):  # killed before its answer
                    connection.sendall(stat(self.status).encode())


@pytest.fixture
def admin(tmp_path):
    opened = Admin(tmp_path / "admin.sock")
    yield opened
    opened.close()


def sampler(admin: Admin, **more) -> Sampler:
    return Sampler([HERE], ["web"], socket=str(admin.path), per_second=50, seconds=30, **more)


def until(what, seconds: float = 10.0):
    """Waits until ``what()`` is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("status", "online"),
    [
        pytest.param("UP", 2, id="up"),
        pytest.param("UP 1/3", 2, id="up though its last checks failed"),
        pytest.param("DRAIN", 1, id="draining"),
        pytest.param("MAINT", 1, id="in maintenance"),
        pytest.param("MAINT (via web/web2)", 1, id="in maintenance by another's"),
        pytest.param("DOWN", 1, id="down"),
        pytest.param("DOWN 1/2", 1, id="down though its last check passed"),
        pytest.param("NOLB", 1, id="stopping"),
        pytest.param("no check", 1, id="never checked"),
    ],
)
def test_online_is_what_gets_requests_and_is_checked(status, online):
    assert sample(stat(status), ["web"])["web"] == {
        "online": online,
        "total": 2,
        "members": {"web1": status, "web2": "UP"},
    }


def test_a_service_that_the_balancer_does_not_know_has_no_members():
    assert members(stat(), ["nobody"]) == {"nobody": {}}


def test_it_samples_all_along(admin):
    with sampler(admin) as running:
        running.wait(10)
        admin.status = "DRAIN"
        until(lambda: running.latest["lb1", "web"].online == 1)
        admin.status = "UP"
        until(lambda: running.latest["lb1", "web"].online == 2)
        samples = running.stop()
    assert {one.online for one in samples} == {1, 2}
    assert next(one.out for one in samples if one.online == 1) == ["web1"]
    assert [one.t for one in samples] == sorted(one.t for one in samples)
    assert abs(running.clock_offsets["lb1"]) < 0.05, "there is one clock here"
    assert running.gaps == []


def test_a_balancer_that_restarts_leaves_a_gap_and_is_sampled_again(admin):
    with sampler(admin) as running:
        running.wait(10)
        admin.close()
        until(lambda: running.gaps)
        admin.open()
        seen = len(running.samples)
        until(lambda: len(running.samples) > seen)
    assert all(gap.balancer == "lb1" for gap in running.gaps)


def test_a_session_that_breaks_off_is_begun_again(admin):
    with sampler(admin) as running:
        running.wait(10)
        session = running._lines[0]._process
        assert session is not None
        session.kill()
        seen = len(running.samples)
        until(lambda: len(running.samples) > seen + 5)
    assert "the session ended" in [gap.error for gap in running.gaps]


def test_a_balancer_that_never_answers_is_named(tmp_path):
    nobody = Sampler([HERE], ["web"], socket=str(tmp_path / "none"), per_second=50, seconds=30)
    with nobody:
        until(lambda: nobody.gaps)
        with pytest.raises(LabError, match="lb1 could not be sampled: FileNotFoundError"):
            nobody.wait(0)


@pytest.mark.parametrize("bound", [pytest.param(30, id="its input closes"), pytest.param(0.2, id="its time is up")])
def test_what_runs_at_the_balancer_ends_when(admin, bound):
    source = Path(sampling.__file__).with_name("on_balancer.py").read_text()
    given = json.dumps({"source": source, "arguments": [str(admin.path), ["web"], 0.05, bound]}) + "\n"
    command = [sys.executable, "-I", "-S", "-c", sampling._BOOT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(given)
    process.stdin.flush()
    assert "services" in json.loads(process.stdout.readline())
    if bound == 30:
        process.stdin.close()
    process.stdout.read()
    assert process.wait(5) == 0
