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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from .._files import LockBusyError, NotJsonError, atomic_write, locked, read_json
from .added import add
from .config import CONFIG, server_ports
from .haproxy import BalancerError, NoBackendError, Runtime
from .record import Record

_RELOAD_SECONDS = 20.0
_POLL_SECONDS = 0.05
# The bit of srv_admin_state for "disabled" in the configuration, doc/management.txt of HAProxy, "show servers state".
_DISABLED_AT_START = 0x04
# A member's state in the online and in the maintenance pool, by where the record has it.
_ADMINS = {"online": ("ready", "maint"), "maintenance": ("maint", "ready"), "gone": ("maint", "maint")}


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
    text = _as_configured(states, read_config(config))
    atomic_write(os.path.join(state_dir, "haproxy.state"), (text + "\n").encode())


def restore(runtime: Runtime, state_dir: str, config: str = CONFIG) -> list[str]:
    """Brings members to the pools that the records name, after a start; returns those that weren't there."""
    with changing(state_dir):
        _add_unnamed(runtime, state_dir, config)
        moved = []
        for service, record in recorded(state_dir).items():
            moved += _put_recorded(runtime, service, record["members"])
        save(runtime, state_dir, config)
    return moved


def _add_unnamed(runtime: Runtime, state_dir: str, config: str) -> None:
    """Adds those again that the records alone know of, and puts them where they were."""
    for service, record in recorded(state_dir).items():
        added = record.get("added") or {}
        if added:
            with suppress(NoBackendError):
                new = add(runtime, service, read_config(config), added)
                _put_recorded(runtime, service, {name: record["members"].get(name, "") for name in new})


def _put_recorded(runtime: Runtime, service: str, members: Mapping[str, str]) -> list[str]:
    """Puts each of the members that are here into the pool that is named for it."""
    try:
        online, maintenance = runtime.servers(service), runtime.servers(f"{service}_maintenance")
    except NoBackendError:
        return []
    moved = []
    here = online.keys() & maintenance.keys() & members.keys()
    for pool, wanted in _ADMINS.items():
        elsewhere = [
            name for name in here if members[name] == pool and (online[name].admin, maintenance[name].admin) != wanted
        ]
        if elsewhere:
            put(runtime, service, elsewhere, *wanted)
        moved += [f"{service}/{name}: {pool}" for name in elsewhere]
    return moved


def put(runtime: Runtime, service: str, members: Sequence[str], online: str = "", maintenance: str = "") -> None:
    """Sets the members' states in one pool or both; each leaves a pool before it enters the other."""
    wanted = [(service, online), (f"{service}_maintenance", maintenance)]
    runtime.tell(
        *(
            f"set server {backend}/{member} state {state}"
            for backend, state in sorted(wanted, key=lambda pair: pair[1] == "ready")
            if state
            for member in members
        )
    )


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
        _add_unnamed(runtime, state_dir, config)
        save(runtime, state_dir, config)
        # HAProxy hands a socket on as it is, and the package's own configuration lets a group use it.
        os.chown(runtime.admin, 0, 0)
        os.chmod(runtime.admin, 0o600)
    forget_gone(runtime, state_dir, config)


def forget_gone(runtime: Runtime, state_dir: str, config: str = CONFIG) -> None:
    """Forgets members that have left the configuration: one that returns is new, and nobody has gated it.

    Who joined at runtime, and is named by the configuration now, is like any other from here on.
    """
    named = server_ports(read_config(config)).keys()
    for service in recorded(state_dir):
        record = Record(state_dir, service)
        with record.held() as data:
            try:
                here = runtime.servers(service).keys()
            except NoBackendError:
                here = {}.keys()
            settled = [name for name in data["added"] if (service, name) in named]
            for name in settled:
                del data["added"][name]
            gone = (data["members"].keys() | data["leases"].keys()) - here
            for name in gone:
                record.forget(name)
            if gone or settled:
                record.save()


def recorded(state_dir: str) -> dict[str, dict[str, Any]]:
    """What the records have of each service; ``members``, the pool of each one, is always there."""
    found = {}
    for file in sorted(pathlib.Path(state_dir).glob("*.json")):
        try:
            record: Any = read_json(str(file), {})
        except NotJsonError as error:
            sys.stderr.write(f"{error}\n")
            continue
        if isinstance(record, dict) and isinstance(record.get("members"), dict):
            found[file.stem] = record
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


def _as_configured(states: str, config: str) -> str:
    """``states`` as if all servers had been in the configuration from the beginning.

    HAProxy would prefer the file's port to one that was changed, and would leave a server disabled that the
    configuration disables at the start but the file has never seen so: one that joined at runtime.
    """
    ports = server_ports(config)
    lines = states.splitlines()
    columns = lines[1][2:].split()
    port, admin = columns.index("srv_port"), columns.index("srv_admin_state")
    for index, line in enumerate(lines[2:], 2):
        fields = line.split(" ")
        configured = ports.get((fields[1], fields[3])) if len(fields) > port else None
        if configured:
            fields[port] = configured
            fields[admin] = str(int(fields[admin]) | _DISABLED_AT_START)
            lines[index] = " ".join(fields)
    return "\n".join(lines)


def read_config(path: str) -> str:
    """The text of the configuration; nothing where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
