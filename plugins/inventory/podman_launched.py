# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts that were launched in a lab, as part of its inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: podman_launched
short_description: The hosts that were launched in a lab beside those of its inventory
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Lists the hosts of a lab that M(golden.fleet.launch_members) launched, each in the group of its service and in
    C(linux), with its address, its zone and the way to it.
  - It asks podman each time, so that the inventory is what there is. Where podman can't be asked it fails, rather than
    to have Ansible take these hosts for gone.
options:
  plugin:
    description: The name of this plugin, which says that the file is meant for it.
    type: str
    required: true
    choices: [golden.fleet.podman_launched]
  lab:
    description: The name of the lab.
    type: str
    required: true
  files:
    description: The folder with podman's settings, the key and the record of the hosts' keys.
    type: path
    required: true
"""

EXAMPLES = r"""
# inventories/lab/launched.yml, written by the role golden.fleet.lab
plugin: golden.fleet.podman_launched
lab: fleet-1a2b3c
files: /srv/control/build/lab
"""

import os
import re
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError
from ansible_collections.golden.fleet.plugins.module_utils._podman.reaching import variables


class InventoryModule(BaseInventoryPlugin):
    NAME = "golden.fleet.podman_launched"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith((".yml", ".yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        lab, files = str(self.get_option("lab")), str(self.get_option("files"))
        podman = Podman(lab, environment={"CONTAINERS_CONF": os.path.join(files, "containers.conf")})
        try:
            found = podman.found()
        except PodmanError as error:
            raise AnsibleParserError(f"{path}: the launched hosts of {lab} can't be listed: {error}") from error
        launched = {name: host for name, host in found.items() if re.fullmatch(r"[a-z][a-z0-9_]*", host.group)}
        for name in sorted(launched, key=lambda name: (launched[name].group, len(name), name)):
            self._add(name, launched[name], files)

    def _add(self, name: str, host: Any, files: str) -> None:
        found = {**variables(host.address, files, host.group), "zone": host.zone}
        for group in ("linux", host.group):
            self.inventory.add_group(group)
            self.inventory.add_host(name, group=group)
        for variable, value in found.items():
            self.inventory.set_variable(name, variable, value)
