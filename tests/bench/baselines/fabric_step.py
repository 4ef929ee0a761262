# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One step on every host by Fabric: its connections, in threads; its own groups would start one for each host."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor

import paramiko
from fabric import Config, Connection

from tests.bench.baselines import commands


def main() -> None:
    told = commands.given()
    command = f"sudo sh -c {shlex.quote(getattr(commands, told['step'])('/srv/fabric', told))}"
    options = {"key_filename": told["key"], "allow_agent": False, "look_for_keys": False}
    # Lazy, as nothing of this machine's own ssh_config is needed.
    config = Config(lazy=True)

    def step(address: str) -> None:
        with Connection(address, user=told["user"], config=config, connect_kwargs=options) as host:
            host.client.load_host_keys(told["known_hosts"])
            host.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            host.run(command, hide=True, in_stream=False)

    with ThreadPoolExecutor(told["parallel"]) as threads:
        list(threads.map(step, told["addresses"]))


if __name__ == "__main__":
    main()
