# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: podman_init
short_description: Runs commands in a podman container, beside its first process
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Enters the namespaces of the container's first process, with the capabilities that it has. C(podman exec) comes
    to the same and takes ten times as long to get there.
  - Gives commands their standard input, so that modules need no file on the way.
  - Needs root on this machine, on which the container must be.
options:
  remote_addr:
    description: The container, by its name or identifier.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

import os
import shlex
import subprocess
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import entering

display = Display()

_ENVIRONMENT = ("HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def capabilities(status: str) -> str:
    """What setpriv keeps, so that it is no more than the process has of whose /proc/PID/status this is the text."""
    bits = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    return ",".join(["-all", *(f"+cap_{number}" for number in range(bits.bit_length()) if bits >> number & 1)])


class Connection(ConnectionBase):
    transport = "golden.fleet.podman_init"
    has_pipelining = True
    _command: list[str] | None = None

    def _connect(self) -> Connection:
        if self._command is None:
            self._command = self._entering(self._first_process())
        return self

    def _first_process(self) -> int:
        asked = ["podman", "inspect", "--type", "container", "--format", "{{.State.Pid}}"]
        found = subprocess.run(  # noqa: S603  # an argument list, no shell
            [*asked, str(self.get_option("remote_addr"))], capture_output=True, text=True, check=False
        )
        if found.returncode or not int(found.stdout or 0):
            raise AnsibleConnectionFailure(f"{self.get_option('remote_addr')} doesn't run: {found.stderr.strip()}")
        return int(found.stdout)

    def _entering(self, pid: int) -> list[str]:
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                kept = capabilities(file.read())
        except OSError as error:
            raise AnsibleConnectionFailure(f"{self.get_option('remote_addr')} has just ended: {error}") from error
        return [*entering(pid), "setpriv", "--bounding-set", kept, "env", "--ignore-environment", *_ENVIRONMENT]

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(cmd, input=in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"there is no {in_path}")
        with open(in_path, "rb") as file:
            self._copy(f"cat >{shlex.quote(out_path)}", out_path, stdin=file)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        content = self._copy(f"cat {shlex.quote(in_path)}", in_path, input=b"")
        with open(out_path, "wb") as file:
            file.write(content)

    def close(self) -> None:
        self._command = None

    def _copy(self, command: str, path: str, **given: Any) -> bytes:
        status, out, err = self._run(command, **given)
        if status:
            raise AnsibleConnectionFailure(f"{path} in {self.get_option('remote_addr')}: {err.decode().strip()}")
        return out

    def _run(self, command: str, **given: Any) -> tuple[int, bytes, bytes]:
        self._connect()
        display.vvv(f"IN {self.get_option('remote_addr')}: {command}")
        done = subprocess.run([*(self._command or []), "sh", "-c", command], capture_output=True, check=False, **given)  # noqa: S603
        return done.returncode, done.stdout, done.stderr
