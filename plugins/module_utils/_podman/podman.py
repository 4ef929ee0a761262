# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The podman program, as far as hosts of a lab need it."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence

from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import (
    LABEL,
    Found,
    Network,
    mac_address,
    parse_containers,
    parse_network,
    recipe_of,
)

# Runs in a host: lets the key in, waits until the boot has ended, and tells what came of it in lines of name=value.
_READY = r"""
seconds=$1 key=$2 write=$3
file=/home/operator/.ssh/authorized_keys
if [ "$(cat "$file" 2>/dev/null)" != "$key" ]; then
    echo key=changed
    if [ "$write" = yes ]; then
        printf '%s\n' "$key" >"$file.new" && chown operator: "$file.new" && chmod 600 "$file.new" &&
            mv "$file.new" "$file"
    fi
fi
end=$(($(date +%s) + seconds))
while :; do
    state=$(timeout "$seconds" systemctl is-system-running --wait 2>/dev/null)
    case $state in running | degraded) break ;; esac
    [ "$(date +%s)" -lt "$end" ] || break
    sleep 0.1
done
echo "state=$state"
if [ "$state" != running ]; then
    echo "failed_units=$(systemctl --failed --plain --no-legend 2>/dev/null | cut -d' ' -f1 | xargs)"
fi
echo "host_key=$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null)"
"""


# Of podman's usual 1024. On a real fleet the balancers have machines of their own: here many hosts that boot would
# leave them no processor to answer customers with.
_LAUNCHED_CPU_SHARES = "128"
# Where systemd doesn't run, podman puts all hosts into one control group, which weighs as much as each session of this
# machine. Ansible's workers are sessions of their own: a busy controller would leave ten hosts a tenth of a processor.
_GROUP_OF_ITS_OWN = ("--cgroup-parent", "/")
_SYSTEMD_RUNS = "/run/systemd/system"
# Podman writes a host's process number there whenever the host starts, and can't start it where the folder is gone.
_PID_FILES = "/run/lock/golden-fleet-"


class PodmanError(Exception):
    """Podman refused, or a host did not come up. Names the host or the command, and shows what was seen last."""


class Podman:
    """One lab's containers on this machine."""

    def __init__(self, lab: str, executable: str = "podman", environment: Mapping[str, str] | None = None) -> None:
        self._lab = lab
        self._executable = executable
        self._environment = {**os.environ, **environment} if environment else None

    def run(self, *arguments: str, timeout_seconds: float = 120, given: str | None = None) -> str:
        """What podman printed, given that on its standard input. Raises PodmanError."""
        shown = " ".join([self._executable, *arguments[:2]])
        return self._run([self._executable, *arguments], shown, timeout_seconds, given)

    def _run(self, command: list[str], shown: str, timeout_seconds: float, given: str | None = None) -> str:
        try:
            done = subprocess.run(  # noqa: S603  # an argument list, no shell
                command,
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
                input=given or "",
                env=self._environment,
            )
        except FileNotFoundError as error:
            raise PodmanError(f"{command[0]} is not installed on this machine") from error
        except subprocess.TimeoutExpired as error:
            raise PodmanError(f"'{shown} ...' did not end within {timeout_seconds:.0f} s") from error
        if done.returncode:
            seen = " | ".join((done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-3:])
            raise PodmanError(f"'{shown} ...' ended with status {done.returncode}: {seen}")
        return done.stdout

    def _name(self, host: str) -> str:
        return f"{self._lab}-{host}"

    def found(self) -> dict[str, Found]:
        """The lab's containers, also those that are only half there."""
        return parse_containers(self._lab, self.run("ps", "--all", "--external", "--format", "json"))

    def network(self) -> Network | None:
        """The lab's network, if there is one."""
        return parse_network(self._lab, self.run("network", "ls", "--format", "json"))

    def create_network(self) -> Network:
        """Makes the lab's network, in a subnet that podman finds to be free."""
        self.run("network", "create", "--disable-dns", "--label", f"{LABEL}lab={self._lab}", self._lab)
        network = self.network()
        if network is None:
            raise PodmanError(f"the network {self._lab} was made, but podman does not list it with a subnet")
        return network

    def remove_network(self) -> None:
        self.run("network", "rm", "--force", self._lab)

    def create(
        self, host: str, address: str, *, image: str, capabilities: Sequence[str], group: str = "", zone: str = ""
    ) -> int:
        """Makes a host and starts it; returns the process number of its init."""
        recipe = recipe_of(image, capabilities)
        labels = {"lab": self._lab, "address": address, "recipe": recipe, "group": group, "zone": zone}
        pid_file = f"{_PID_FILES}{self._lab}.{host}.pid"
        self.run(
            *("run", "--detach", "--replace", "--systemd=always", "--pidfile", pid_file),
            *("--name", self._name(host), "--hostname", host, "--network", self._lab),
            *("--ip", address, "--mac-address", mac_address(address)),
            *processor_share(launched=bool(group)),
            *(word for name, value in labels.items() for word in ("--label", f"{LABEL}{name}={value}")),
            *(word for capability in capabilities for word in ("--cap-add", capability)),
            image,
        )
        return read_pid(pid_file) or self.pid(host)

    def start(self, host: str) -> None:
        self.run("start", self._name(host))

    def unpause(self, host: str) -> None:
        self.run("unpause", self._name(host))

    def remove(self, host: str) -> None:
        """Removes the host's container, at once and in whatever state it is."""
        self.run("rm", "--force", "--ignore", "--time", "0", "--volumes", self._name(host))

    def pid(self, host: str) -> int:
        """The process number of the host's init."""
        return int(self.run("inspect", "--format", "{{.State.Pid}}", self._name(host)))

    def ready(self, pid: int, *, authorized_key: str, seconds: int, write: bool) -> dict[str, str]:
        """Lets the key in and waits for the end of the boot: state, failed_units, host_key; key, if it was missing.

        In the namespaces of the host's init: ``podman exec`` does the same and takes ten times as long to get there.
        """
        words = ("sh", "-c", _READY, "ready", str(seconds), authorized_key, "yes" if write else "no")
        text = self._run([*entering(pid), *words], "wait for the boot", timeout_seconds=seconds + 15)
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def processor_share(launched: bool) -> tuple[str, ...]:
    """Podman's options for what a host gets of a busy machine's processors; less for one that playbooks launch."""
    group = () if os.path.isdir(_SYSTEMD_RUNS) else _GROUP_OF_ITS_OWN
    return (*group, "--cpu-shares", _LAUNCHED_CPU_SHARES) if launched else group


def entering(pid: int) -> list[str]:
    """What to put before a command for it to run in the namespaces of a host's init."""
    return ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid"]


def clear_pid_files(lab: str) -> None:
    """Removes what nobody came to read: of a podman whose caller died, or that started a host again by itself."""
    for path in glob.glob(f"{_PID_FILES}{glob.escape(lab)}.*.pid"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def read_pid(path: str) -> int:
    """The process number in the file, which is not needed any more; 0 where podman wrote none."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def is_alive(found: Mapping[str, Found]) -> dict[str, bool]:
    """Whose init process is there: podman itself learns of a death from a watcher that may have died first."""
    return {host: was.pid > 0 and os.path.exists(f"/proc/{was.pid}") for host, was in found.items()}


def wait_for_ssh(address: str, seconds: float) -> None:
    """Returns once an SSH server greets at the address."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                greeting = connection.recv(64)
        except OSError as error:
            seen = str(error)
        else:
            if greeting.startswith(b"SSH-"):
                return
            seen = f"answered {greeting!r}"
        if time.monotonic() > end:
            raise PodmanError(f"no SSH server at {address}:22 within {seconds:.0f} s: {seen}")
        time.sleep(0.05)
