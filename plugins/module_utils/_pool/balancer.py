# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""This balancer, for one service: its HAProxy and its record, and what changes both."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from . import locks
from .haproxy import BalancerError, Runtime, Server
from .pools import changing, put, read_config, save
from .record import Record


class Balancer:
    """This balancer, for one service. ``dry`` changes nothing: neither a member nor the record."""

    def __init__(self, runtime: Runtime, record: Record, config: str, dry: bool = False) -> None:
        self.runtime = runtime
        self.record = record
        self.config = config
        self.dry = dry

    @property
    def service(self) -> str:
        return self.record.service

    def server(self, member: str) -> Server:
        """The member as the online pool has it."""
        found = self.runtime.servers(self.service)
        if member not in found:
            raise BalancerError(
                f"{self.service} has no member {member} here; its members: {', '.join(found) or 'none'}"
            )
        return found[member]

    def maintenance(self, member: str) -> Server:
        """The member as the maintenance pool has it."""
        found = self.runtime.servers(f"{self.service}_maintenance")
        if member not in found:
            raise BalancerError(f"{self.service} has no member {member} in its maintenance pool here")
        return found[member]

    def move(self, member: str, online: str = "", maintenance: str = "") -> None:
        """Sets the member's state in one pool or both, and saves; raises where HAProxy then says otherwise."""
        self.move_all([member], online, maintenance)

    def move_all(self, members: Iterable[str], online: str = "", maintenance: str = "") -> None:
        """Sets the states of many at once, as ``move`` does of one."""
        members = list(members)
        if self.dry or not members:
            return
        with changing(self.record.state_dir):
            put(self.runtime, self.service, members, online, maintenance)
            save(self.runtime, self.record.state_dir, self.config)
            self._check(members, self.service, online)
            self._check(members, f"{self.service}_maintenance", maintenance)

    def _check(self, members: Iterable[str], backend: str, wanted: str) -> None:
        servers = self.runtime.servers(backend) if wanted else {}
        for member in members if wanted else ():
            if member not in servers or servers[member].admin != wanted:
                now = servers[member].admin if member in servers else "not there"
                raise BalancerError(f"{backend}/{member} is {now} and not {wanted} as set")

    def config_text(self) -> str:
        """The configuration as its file has it; nothing where there is none."""
        return read_config(self.config)

    def is_out(self, member: str) -> bool:
        return self.server(member).admin == "maint" and self.maintenance(member).admin == "ready"

    def lock(self, data: dict[str, Any], number: int) -> dict[str, Any]:
        if self.dry:
            # In check mode the lock was not taken either.
            return data["lock"] or {"number": -1, "owner": {}, "rollout": "", "version": "", "until": 0, "ttl": 0}
        return locks.check_number(data, number)

    def lease(self, data: dict[str, Any], member: str, number: int) -> dict[str, Any]:
        """The member's lease under this number; renews the lock."""
        lock = self.lock(data, number)
        lease = data["leases"].get(member)
        if lease is None:
            raise BalancerError(f"{member} has no lease on this balancer")
        if lease["number"] != lock["number"]:
            raise BalancerError(f"{member}'s lease is of number {lease['number']}: reserve the member to adopt it")
        if locks.renew(lock, time.time()):
            self.record.save()
        return lease

    def tell(self, event: str, member: str, data: Mapping[str, Any], **more: Any) -> None:
        lock = data["lock"] or {}
        lease = data["leases"].get(member, {})
        story = {
            "version": lease.get("version") or lock.get("version"),
            "rollout": lock.get("rollout"),
            "number": lock.get("number"),
            "owner": (lock.get("owner") or {}).get("name"),
        }
        self.record.journal(event, member, **{**story, **more})
