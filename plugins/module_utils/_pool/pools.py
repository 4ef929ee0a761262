# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members' pools through reloads and restarts of HAProxy: its server-state file, and what the records say.

Also installed on the balancer for systemd to run. Every change of a server's state is made under the lock of the
server-state file, and saved before the lock is left: so a reload, which holds it too, misses none.
"""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._files import LockBusyError, NotJsonError, atomic_write, locked, read_json
from .config import CONFIG, server_ports
from .haproxy import BalancerError, NoBackendError, Runtime
from .record import Record

_RELOAD_SECONDS = 20.0
_POLL_SECONDS = 0.05


@contextmanager
def changing(state_dir: str) -> Iterator[None]:
    """Held while servers' states change: no reload takes over in between, nobody saves half of it."""
    with locked(os.path.join(state_dir, "haproxy.state.lock"), 2 * _RELOAD_SECONDS, "a change of members' pools"):
        yield


def save(runtime: Runtime, state_dir: str, config: str = CONFIG) -> None:
    """Writes what HAProxy loads when it starts: the state that all servers have now."""
    states = runtime.ask("show servers state")
    if not states.startswith("1\n# be_id"):
        raise BalancerError(f"haproxy answered nonsense to 'show servers state': {states[:120]!r}")
    text = _with_configured_ports(states, _read(config))
    atomic_write(os.path.join(state_dir, "haproxy.state"), (text + "\n").encode())


def restore(runtime: Runtime, state_dir: str, config: str = CONFIG) -> list[str]:
    """Brings members to the pools that the records name, after a start; returns those that weren't there."""
    moved = []
    with changing(state_dir):
        for service, members in recorded(state_dir).items():
            try:
                online, maintenance = runtime.servers(service), runtime.servers(f"{service}_maintenance")
            except NoBackendError:
                continue
            for name in online.keys() & maintenance.keys() & members.keys():
                admins = (online[name].admin, maintenance[name].admin)
                wanted = ("ready", "maint") if members[name] == "online" else ("maint", "ready")
                if admins != wanted:
                    put(runtime, service, name, *wanted)
                    moved.append(f"{service}/{name}: {members[name]}")
        save(runtime, state_dir, config)
    return moved


def put(runtime: Runtime, service: str, member: str, online: str = "", maintenance: str = "") -> None:
    """Sets the member's state in one pool or both, leaving a pool before it enters the other."""
    wanted = [(service, online), (f"{service}_maintenance", maintenance)]
    for backend, state in sorted(wanted, key=lambda pair: pair[1] == "ready"):
        if state:
            runtime.tell(f"set server {backend}/{member} state {state}")


def reload(runtime: Runtime, state_dir: str, master: int, config: str = CONFIG) -> None:
    """Has the process ``master`` load its configuration, the pools saved for it; waits until the new worker serves."""
    with changing(state_dir):
        try:
            before = runtime.process()
            save(runtime, state_dir, config)
        except BalancerError as error:
            # What the last change saved stands.
            before = ""
            sys.stderr.write(f"members' pools are as last saved: {error}\n")
        os.kill(master, signal.SIGUSR2)
        deadline = time.monotonic() + _RELOAD_SECONDS
        while runtime.process() == before:
            if time.monotonic() > deadline:
                raise BalancerError(f"haproxy serves with its old configuration {_RELOAD_SECONDS:g} s after the reload")
            time.sleep(_POLL_SECONDS)
        # HAProxy hands a socket on as it is, and the package's own configuration lets a group use it.
        os.chown(runtime.admin, 0, 0)
        os.chmod(runtime.admin, 0o600)
    forget_gone(runtime, state_dir)


def forget_gone(runtime: Runtime, state_dir: str) -> None:
    """Forgets members that have left the configuration: one that returns is new, and nobody has gated it."""
    for service in recorded(state_dir):
        record = Record(state_dir, service)
        with record.held() as data:
            try:
                here = runtime.servers(service).keys()
            except NoBackendError:
                here = {}.keys()
            gone = (data["members"].keys() | data["leases"].keys()) - here
            for name in gone:
                data["members"].pop(name, None)
                data["leases"].pop(name, None)
                data["seconds"].pop(name, None)
            if gone:
                record.save()


def recorded(state_dir: str) -> dict[str, dict[str, str]]:
    """The pool of each member by service, as the records have it."""
    found = {}
    for file in sorted(pathlib.Path(state_dir).glob("*.json")):
        try:
            record: Any = read_json(str(file), {})
        except NotJsonError as error:
            sys.stderr.write(f"{error}\n")
            continue
        if isinstance(record, dict) and isinstance(record.get("members"), dict):
            found[file.stem] = record["members"]
    return found


def main(state_dir: str, arguments: list[str]) -> int:
    """The command ``golden-fleet-balancer``."""
    runtime = Runtime()
    try:
        if arguments == ["save"]:
            with changing(state_dir):
                save(runtime, state_dir)
        elif arguments == ["restore"]:
            for line in restore(runtime, state_dir):
                sys.stdout.write(f"put back: {line}\n")
        elif arguments[:1] == ["reload"] and arguments[1:] and arguments[1].isdigit():
            reload(runtime, state_dir, int(arguments[1]))
        else:
            sys.stderr.write("golden-fleet-balancer save | restore | reload PID\n")
            return 2
    except (BalancerError, LockBusyError, NotJsonError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _with_configured_ports(states: str, config: str) -> str:
    """``states`` with the ports of the configuration: HAProxy would prefer the file's to a port that was changed."""
    ports = server_ports(config)
    lines = states.splitlines()
    column = lines[1][2:].split().index("srv_port")
    for index, line in enumerate(lines[2:], 2):
        fields = line.split(" ")
        if len(fields) > column:
            fields[column] = ports.get((fields[1], fields[3]), fields[column])
            lines[index] = " ".join(fields)
    return "\n".join(lines)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
