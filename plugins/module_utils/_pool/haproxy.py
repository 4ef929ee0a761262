# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HAProxy's runtime interface: its sockets, and what its answers mean."""

from __future__ import annotations

import csv
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

ADMIN_SOCKET = "/run/haproxy/admin.sock"
MASTER_SOCKET = "/run/haproxy-master.sock"
_POLL_SECONDS = 0.1
_COMMANDS_A_LINE = 20

# Bits of srv_admin_state, doc/management.txt of HAProxy, "show servers state".
_MAINT_BITS = 0x01 | 0x02 | 0x20
_DRAIN_BITS = 0x08 | 0x10
_RUNNING = 2
# What is read of "show stat".
_COLUMNS = (
    *("pxname", "svname", "scur", "qcur", "status"),
    *("check_status", "check_health", "check_rise", "check_fall", "last_chk"),
)


class BalancerError(Exception):
    """The balancer can't be asked, refused a command, or gave an answer that makes no sense."""


class NoBackendError(BalancerError):
    """The service isn't in the balancer's configuration."""


class TwoAnswersError(BalancerError):
    """Two answers don't speak of the same servers."""


@dataclass(frozen=True)
class Server:
    """One server of a backend. ``admin`` is ready, drain or maint; ``healthy`` says that its last checks all passed."""

    name: str
    address: str
    admin: str
    up: bool
    healthy: bool
    status: str
    sessions: int

    @property
    def online(self) -> bool:
        return self.admin == "ready" and self.up


class Runtime:
    """Asks the HAProxy of this host. A socket that is missing for a moment, as in a restart, is waited for."""

    def __init__(self, admin: str = ADMIN_SOCKET, master: str = MASTER_SOCKET, patience_seconds: float = 10.0) -> None:
        self.admin = admin
        self.master = master
        self.patience_seconds = patience_seconds

    def ask(self, command: str, path: str = "", patience_seconds: float | None = None) -> str:
        """The answer to one command, without its last blank line."""
        path = path or self.admin
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        deadline = time.monotonic() + patience
        while True:
            try:
                return _exchange(path, command)
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise BalancerError(f"haproxy doesn't answer at {path}: {error}") from error
                time.sleep(_POLL_SECONDS)

    def tell(self, *commands: str) -> None:
        """Gives commands whose success is silent to the worker that serves, and to those that still end sessions.

        In this order; where one is refused, the others have been carried out. After a reload the old worker answers
        one more request on each connection that it had: by its own idea of who is in which pool.
        """
        for some in _by_few(commands):
            answer = self.ask("; ".join(some)).strip()
            if answer:
                raise BalancerError(f"haproxy refused '{some[0]}'{' or what follows' if some[1:] else ''}: {answer}")
        for worker in self.old_workers():
            for command in commands:
                # One that ends just now, or that never had the member, needs no telling.
                with suppress(BalancerError):
                    self.ask(f"@!{worker} {command}", self.master, 0)

    def old_workers(self) -> list[int]:
        """The processes that an earlier reload left to end their sessions."""
        return parse_old_workers(self.ask("show proc", self.master))

    def servers(self, backend: str) -> dict[str, Server]:
        """The servers of ``backend`` by name, in the configuration's order; their sessions in all workers."""
        try:
            return self._servers(backend)
        except TwoAnswersError:
            # A reload between two questions: one was answered by the old worker, the other by the new one.
            time.sleep(_POLL_SECONDS)
            return self._servers(backend)

    def _servers(self, backend: str) -> dict[str, Server]:
        states = self.ask(f"show servers state {backend}")
        stats = self.ask(f"show stat {backend} 4 -1")
        found = parse_servers(backend, states, stats)
        for worker in self.old_workers():
            with suppress(BalancerError):
                older = parse_sessions(backend, self.ask(f"@!{worker} show stat {backend} 4 -1", self.master, 0))
                for name in found.keys() & older.keys():
                    found[name] = _with_sessions(found[name], older[name])
        return found

    def process(self) -> str:
        """The process number of the worker that serves."""
        for line in self.ask("show info").splitlines():
            if line.startswith("Pid: "):
                return line[5:].strip()
        raise BalancerError("haproxy answered nonsense to 'show info': no process number")


def parse_servers(backend: str, states: str, stats: str) -> dict[str, Server]:
    """What ``show servers state`` and ``show stat`` say of one backend."""
    details = _stats(backend, stats)
    found = {}
    for row in _states(backend, states):
        name = row["srv_name"]
        if name not in details:
            raise TwoAnswersError(f"haproxy answered nonsense: {backend}/{name} has a state and no statistics")
        admin, detail = int(row["srv_admin_state"]), details[name]
        checked = detail["check_health"] != "" and _best(detail) == int(detail["check_health"])
        found[name] = Server(
            name=name,
            address=row["srv_addr"],
            admin="maint" if admin & _MAINT_BITS else "drain" if admin & _DRAIN_BITS else "ready",
            up=int(row["srv_op_state"]) == _RUNNING,
            # INI: no check has been made since it left maintenance, whatever its health is taken to be.
            healthy=checked and not detail["check_status"].endswith("INI"),
            status=" ".join(filter(None, [detail["status"], detail["check_status"], detail["last_chk"]])),
            sessions=_sessions(detail),
        )
    return found


def parse_sessions(backend: str, stats: str) -> dict[str, int]:
    """Sessions by server."""
    return {name: _sessions(row) for name, row in _stats(backend, stats).items()}


def parse_old_workers(answer: str) -> list[int]:
    """The process numbers below ``# old workers`` in what ``show proc`` says."""
    if not answer.startswith("#<PID>"):
        raise BalancerError(f"haproxy answered nonsense to 'show proc': {_seen(answer)}")
    workers, old = [], False
    for line in answer.splitlines():
        if line.startswith("#"):
            old = line.startswith("# old workers")
        elif old and line.split()[1:2] == ["worker"]:
            workers.append(int(line.split()[0]))
    return workers


def _states(backend: str, answer: str) -> list[dict[str, str]]:
    lines = [line for line in answer.splitlines() if line]
    if len(lines) < 2 or lines[0] != "1" or not lines[1].startswith("# be_id"):
        raise BalancerError(f"haproxy answered nonsense to 'show servers state {backend}': {_seen(answer)}")
    names = lines[1][2:].split()
    try:
        rows = [dict(zip(names, line.split())) for line in lines[2:]]
        for row in rows:
            int(row["srv_admin_state"]), int(row["srv_op_state"]), row["srv_addr"], row["srv_name"]
    except (KeyError, ValueError) as error:
        raise BalancerError(f"haproxy answered nonsense to 'show servers state {backend}': {_seen(answer)}") from error
    return rows


def _stats(backend: str, answer: str) -> dict[str, dict[str, str]]:
    if answer == "No such proxy.":
        raise NoBackendError(f"haproxy has no backend {backend}: provision the balancers first")
    if not answer.startswith("# pxname,svname,"):
        raise BalancerError(f"haproxy answered nonsense to 'show stat {backend} 4 -1': {_seen(answer)}")
    # Not csv.DictReader, which makes a dictionary of a hundred columns for each of hundreds of servers.
    rows = csv.reader(answer[2:].splitlines())
    found = {}
    try:
        columns = next(rows)
        places = {name: columns.index(name) for name in _COLUMNS}
        for row in rows:
            detail = {name: row[place] for name, place in places.items()}
            if not detail["scur"].isdigit():
                raise ValueError("no number of sessions")
            if detail["pxname"] == backend:
                found[detail["svname"]] = detail
    except (IndexError, ValueError, csv.Error) as error:
        raise BalancerError(f"haproxy answered nonsense to 'show stat {backend} 4 -1': {_seen(answer)}") from error
    return found


def _best(row: dict[str, str]) -> int:
    return int(row["check_rise"]) + int(row["check_fall"]) - 1


def _sessions(row: dict[str, str]) -> int:
    return int(row["scur"] or 0) + int(row["qcur"] or 0)


def _with_sessions(server: Server, more: int) -> Server:
    return Server(**{**vars(server), "sessions": server.sessions + more})


def _exchange(path: str, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(command.encode() + b"\n")
        # The master's socket stays open for further commands until it is told that there are none.
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            answer += piece
    text = answer.decode(errors="replace")
    if not _is_whole(text):
        raise ConnectionResetError(f"it ended in the middle of its answer: {_seen(text)}")
    return text.rstrip("\n")


def _by_few(commands: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at a time as one line may hold; HAProxy's buffer is of 16 KiB."""
    for first in range(0, len(commands), _COMMANDS_A_LINE):
        yield commands[first : first + _COMMANDS_A_LINE]


def _is_whole(answer: str) -> bool:
    """Whether HAProxy lived to the end of it: all answers end with an empty line, but for some of one line.

    Nothing at all would pass for the silence that says that a command was carried out.
    """
    return answer.endswith("\n\n") or (answer.endswith("\n") and answer.count("\n") == 1)


def _seen(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 120 else text[:120] + "...")
