# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts in one process, and the inventory that reaches them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from .certificate import Authority
from .host import Host

Connection = Literal["winrm", "psrp"]
Scheme = Literal["http", "https"]

__all__ = ["Authority", "Lab"]


class Lab:
    """``count`` hosts, named win1, win2, ..., or those that ``names`` has; reachable between ``start`` and ``stop``.

    All of them listen on 127.0.0.1, each on a port of its own. With ``own_addresses`` each has an address of its own in
    127.0.77.0/24 as well (Linux only), so that services of several hosts may listen on one port; with ``addresses``
    each has the one given for it, which this machine must have.
    """

    def __init__(
        self,
        count: int = 1,
        *,
        connection: Connection = "psrp",
        scheme: Scheme = "http",
        own_addresses: bool = False,
        addresses: Sequence[str] = (),
        names: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int = 0,
        folder: Path | None = None,
        prefix: str = "win",
        **settings: Any,
    ) -> None:
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="winlab-"))
        self.connection, self.scheme = connection, scheme
        self.authority = Authority(self.folder / "tls") if scheme == "https" else None
        self.hosts = []
        names = list(names) or [f"{prefix}{number + 1}" for number in range(count)]
        own = [f"127.0.77.{number + 1}" for number in range(len(names))] if own_addresses else list(addresses)
        if own and len(own) != len(names):
            raise ValueError(f"{len(names)} hosts, and {len(own)} addresses for them")
        for number, name in enumerate(names):
            where = own[number] if own else address
            tls = self.authority.context(name, [where, "127.0.0.1"]) if self.authority else None
            at = port + number if port and not own else port
            self.hosts.append(
                Host(name, address=where, port=at, tls=tls, folder=self.folder / name,
                     log=self.folder / f"{name}.log.jsonl", **settings)
            )  # fmt: skip

    def __getitem__(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def start(self) -> Lab:
        for host in self.hosts:
            host.start()
        return self

    def stop(self) -> None:
        for host in self.hosts:
            host.stop()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Lab:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def variables(self, host: Host, connection: Connection | None = None) -> dict[str, Any]:
        """What an inventory says of the host; nothing in it tells that it is emulated."""
        told = {
            "ansible_host": "127.0.0.1" if host.address == "0.0.0.0" else host.address,  # noqa: S104  # not bound here
            "ansible_port": host.port,
            "ansible_user": host.user,
            "ansible_password": host.password(host.user),
        }
        if (connection or self.connection) == "winrm":
            return {**told, **self._winrm()}
        return {**told, **self._psrp()}

    def _winrm(self) -> dict[str, Any]:
        told = {
            "ansible_connection": "winrm",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_scheme": self.scheme,
        }
        if self.authority:
            told["ansible_winrm_ca_trust_path"] = str(self.authority.file)
        return told

    def _psrp(self) -> dict[str, Any]:
        told = {
            "ansible_connection": "psrp",
            "ansible_psrp_auth": "negotiate",
            "ansible_psrp_protocol": self.scheme,
            "ansible_psrp_ignore_proxy": True,
        }
        if self.authority:
            told["ansible_psrp_ca_cert"] = str(self.authority.file)
        return told

    def inventory(self) -> dict[str, Any]:
        hosts = {host.name: self.variables(host) for host in self.hosts}
        return {"all": {"children": {"windows": {"hosts": hosts}}}}

    def write_inventory(self, file: Path) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Nobody else may read the passwords, at no moment; one that is there keeps its rights when it is opened.
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as opened:
            yaml.safe_dump(self.inventory(), opened, sort_keys=False)
        return file
