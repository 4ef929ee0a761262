# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How Ansible reaches a host that was launched here."""

from __future__ import annotations

import os
from typing import Any


def variables(address: str, files: str, group: str) -> dict[str, Any]:
    """The connection's variables of a group's host; ``files`` is the lab's folder, with the key and the known hosts."""
    known_hosts = os.path.join(files, f"known_hosts.{group}")
    return {
        "ansible_host": address,
        "ansible_user": "operator",
        "ansible_become": True,
        "ansible_ssh_private_key_file": os.path.join(files, "id_ed25519"),
        "ansible_ssh_common_args": f'-o UserKnownHostsFile="{known_hosts}" -o StrictHostKeyChecking=yes',
    }
