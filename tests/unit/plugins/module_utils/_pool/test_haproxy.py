# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What HAProxy 2.6 says, as it was recorded, and what it means."""

from __future__ import annotations

import pathlib
import socket
import threading

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool.config import maintenance_ports, server_ports
from ansible_collections.golden.fleet.plugins.module_utils._pool.haproxy import (
    BalancerError,
    NoBackendError,
    Runtime,
    parse_old_workers,
    parse_servers,
    parse_sessions,
)

STATES = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
srv_agent_port
3 web 1 ready 127.0.9.1 2 4 1 1 1 15 3 3 6 0 0 0 - 18080 - 0 0 - - 0
3 web 2 drain 127.0.9.2 2 12 1 1 1 15 3 3 6 0 0 0 - 18080 - 0 0 - - 0
3 web 3 fresh 127.0.9.3 0 5 1 1 23 1 0 0 14 0 0 0 - 18080 - 0 0 - - 0
3 web 4 down 127.0.9.4 0 4 1 1 23 1 0 0 14 0 0 0 - 18080 - 0 0 - - 0
3 web 5 unchecked 127.0.9.5 2 12 1 1 23 1 0 0 14 0 0 0 - 18080 - 0 0 - - 0"""

_STATS_HEAD = "# pxname,svname,qcur,scur,status,check_status,check_health,check_rise,check_fall,last_chk,"
STATS = "\n".join(
    [
        _STATS_HEAD,
        "web,ready,0,7,UP,L7OK,4,2,3,,",
        "web,drain,1,2,DRAIN 1/3,L7OK,2,2,3,,",
        "web,fresh,0,0,MAINT,,,,,,",
        'web,down,0,0,DOWN,L4CON,0,2,3,"Connection refused, it says",',
        "web,unchecked,0,0,DRAIN 1/3,* INI,4,2,3,,",
        "web_maintenance,ready,0,0,MAINT,,,,,,",
    ]
)


def test_servers_are_read() -> None:
    servers = parse_servers("web", STATES, STATS)
    assert {name: (s.admin, s.up, s.healthy, s.online, s.sessions) for name, s in servers.items()} == {
        "ready": ("ready", True, True, True, 7),
        "drain": ("drain", True, False, False, 3),
        "fresh": ("maint", False, False, False, 0),
        "down": ("ready", False, False, False, 0),
        "unchecked": ("drain", True, False, False, 0),
    }
    assert servers["down"].status == "DOWN L4CON Connection refused, it says"
    assert servers["ready"].address == "127.0.9.1"
    assert parse_sessions("web", STATS)["drain"] == 3


@pytest.mark.parametrize(
    ("states", "stats"),
    [
        pytest.param("", STATS, id="no states"),
        pytest.param(STATES.replace("1\n", "2\n", 1), STATS, id="another version"),
        pytest.param(STATES.replace("srv_op_state", "srv_state"), STATS, id="another column"),
        pytest.param(STATES.replace(" 2 4 1", " UP 4 1", 1), STATS, id="a word for a number"),
        pytest.param(STATES, "", id="no statistics"),
        pytest.param(STATES, "# pxname,svname,status\nweb,ready,UP", id="half the columns"),
        pytest.param(STATES, STATS.replace("web,ready,0,7", "web,ready,0,many"), id="no number of sessions"),
        pytest.param(STATES, STATS.replace("web,down", "web,other"), id="a server without statistics"),
    ],
)
def test_nonsense_is_an_error(states: str, stats: str) -> None:
    with pytest.raises(BalancerError, match="nonsense"):
        parse_servers("web", states, stats)


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(NoBackendError, match="haproxy has no backend web: provision the balancers first"):
        parse_servers("web", "Can't find backend.", "No such proxy.")


PROCESSES = """#<PID>          <type>          <reloads>       <uptime>        <version>      
12840           master          2 [failed: 0]   0d00h00m01s     2.6.12-1+deb12u4
# workers
12898           worker          0               0d00h00m01s     2.6.12-1+deb12u4
# old workers
12843           worker          1               0d00h00m01s     2.6.12-1+deb12u4
12841           worker          2               0d00h00m01s     2.6.12-1+deb12u4
# programs
99              agent           0               0d00h00m01s     -"""  # noqa: W291  # HAProxy's own


@pytest.mark.parametrize(
    ("answer", "workers"),
    [
        pytest.param(PROCESSES, [12843, 12841], id="two reloads ago"),
        pytest.param(PROCESSES.split("# old")[0], [], id="no reload"),
    ],
)
def test_old_workers_are_found(answer: str, workers: list[int]) -> None:
    assert parse_old_workers(answer) == workers


def test_no_answer_is_not_taken_for_no_old_workers() -> None:
    with pytest.raises(BalancerError, match="nonsense to 'show proc'"):
        parse_old_workers("")


class _Dying:
    """Stands for a HAProxy that is killed over ``answers``, one after the other; it then answers whole ones."""

    def __init__(self, folder: pathlib.Path, *answers: bytes) -> None:
        self.path = str(folder / "admin.sock")
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen()
        self._answers = iter(answers)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answer in self._answers:
            client, _address = self._server.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)


@pytest.mark.parametrize("cut", [b"", b"Name: HAProxy\nVersion: 2", b"Name: HAProxy\nVersion: 2.6\n"])
def test_an_answer_that_haproxy_died_over_is_asked_for_again(tmp_path: pathlib.Path, cut: bytes) -> None:
    dying = _Dying(tmp_path, cut, b"Name: HAProxy\nVersion: 2.6\nPid: 7\n\n")
    assert Runtime(dying.path, patience_seconds=5).process() == "7"


def test_nothing_is_not_taken_for_silent_success(tmp_path: pathlib.Path) -> None:
    dying = _Dying(tmp_path, b"")
    with pytest.raises(BalancerError, match="in the middle of its answer"):
        Runtime(dying.path, patience_seconds=0).tell("set server shop/web1 state drain")


CONFIG = """
frontend web
    bind :80
backend web
    server web1 10.0.0.1:8001
    server web2 web2.example:8002 check
backend web_maintenance
    use-server web1 if { dst_port 18100 }
    use-server web2 if { dst_port 18101 }
    server web1 10.0.0.1:8001 disabled
"""


def test_ports_are_read_from_the_configuration() -> None:
    assert server_ports(CONFIG) == {
        ("web", "web1"): "8001",
        ("web", "web2"): "8002",
        ("web_maintenance", "web1"): "8001",
    }
    assert maintenance_ports(CONFIG, "web_maintenance") == {"web1": 18100, "web2": 18101}
    assert maintenance_ports(CONFIG, "web") == {}
