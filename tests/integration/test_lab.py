# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab itself, in a small one of its own beside any other: raised, found as left behind by a bad day, removed."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from demo.lab import CHECKOUT, tool

SIZES = {"lab_balancers": 1, "lab_webs": 3, "lab_stores": 0, "lab_developments": 0, "lab_services": ["datasette"]}


class SmallLab:
    """A lab with an inventory outside the checkout, and thus with a name of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.inventory = folder / "inventories" / "small"
        self.inventory.mkdir(parents=True)
        (self.inventory / "groups.yml").write_text("all: {children: {datasette: }}\n", encoding="utf-8")
        self.files = folder / "build" / "small"

    def play(
        self, name: str, *options: str, env: dict[str, str] | None = None, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        given = ["-e", json.dumps({**SIZES, **variables})]
        command = [tool("ansible-playbook"), name, "-i", str(self.inventory), *given, *options]
        environment = {**os.environ, **(env or {})}
        return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120)

    def changed(self, name: str) -> int:
        """How many tasks of a playbook that succeeded changed something."""
        done = self.play(name)
        assert done.returncode == 0, done.stdout + done.stderr
        (count,) = re.findall(r"changed=(\d+)", done.stdout)
        return int(count)

    def podman(self, *arguments: str) -> str:
        """What podman printed, run with the lab's settings."""
        env = {**os.environ, "CONTAINERS_CONF": str(self.files / "containers.conf")}
        done = subprocess.run(["podman", *arguments], env=env, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    @property
    def containers(self) -> dict[str, str]:
        """The names of all containers on this machine, with the lab that each is of."""
        found = json.loads(self.podman("ps", "--all", "--format", "json"))
        return {entry["Names"][0]: (entry["Labels"] or {}).get("golden.fleet.lab", "") for entry in found}

    @property
    def name(self) -> str:
        return (self.inventory / "hosts.yml").read_text(encoding="utf-8").split("for the lab ")[1].split(":")[0]

    @property
    def addresses(self) -> dict[str, str]:
        hosts = yaml.safe_load((self.inventory / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]["linux"][
            "hosts"
        ]
        return {name: variables["ansible_host"] for name, variables in hosts.items()}

    def become_root_everywhere(self) -> set[str]:
        """The hosts that let Ansible in over SSH, with their keys checked, and give it root."""
        command = [tool("ansible"), "all", "-i", str(self.inventory), "-m", "ansible.builtin.command", "-a", "id -un"]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
        return set(re.findall(r"^(\S+) \| CHANGED \| rc=0 >>\nroot$", done.stdout, re.MULTILINE))


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


def bridge_to(address: str) -> str:
    """The interface of this machine behind which a host of a lab is."""
    return ip("-oneline", "-4", "route", "get", address).split(" dev ")[1].split()[0]


@contextmanager
def port_of(bridge: str, hardware_address: str) -> Iterator[None]:
    """One more port of the bridge, as of a host that has just been started."""
    ip("link", "add", "fleetport0", "address", hardware_address, "type", "veth", "peer", "name", "fleetport1")
    try:
        ip("link", "set", "fleetport0", "master", bridge, "up")
        yield
    finally:
        ip("link", "delete", "fleetport0")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLab]:
    small = SmallLab(tmp_path_factory.mktemp("lab"))
    try:
        small.changed("playbooks/lab.yml")
        yield small
    finally:
        small.play("playbooks/lab_down.yml")


def test_second_run_changes_nothing(lab: SmallLab) -> None:
    assert lab.changed("golden.fleet.lab") == 0
    assert lab.become_root_everywhere() == {"lb1", "web1", "web2", "web3"}


def test_emulated_windows_hosts_stand_beside_the_others(tmp_path: pathlib.Path) -> None:
    """Two beside one container, which reaches them; killed, they are there again; removed, nothing is left."""
    small = SmallLab(tmp_path)
    sizes = {"lab_balancers": 1, "lab_webs": 0, "lab_windows": 2, "lab_services": ["datasette", "orders"]}

    def changed(name: str, *options: str, **more: object) -> int:
        done = small.play(name, *options, **{**sizes, **more})
        assert done.returncode == 0, done.stdout + done.stderr
        return int(re.findall(r"changed=(\d+)", done.stdout)[0])

    kept = small.files / "winlab" / "process"
    try:
        assert changed("playbooks/lab.yml") > 0
        assert changed("playbooks/lab.yml") == 0
        hosts = yaml.safe_load((small.inventory / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
        assert list(hosts["orders"]["hosts"]) == ["win1", "win2"]
        assert "datasette" not in hosts  # which has no member here
        addresses = [one["ansible_host"] for one in hosts["windows"]["hosts"].values()]
        ping = [tool("ansible"), "windows", "-i", str(small.inventory), "-m", "ansible.windows.win_ping"]
        pinged = subprocess.run(ping, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
        assert pinged.stdout.count("SUCCESS") == 2, pinged.stdout + pinged.stderr
        bridge = pathlib.Path("/sys/class/net") / bridge_to(hosts["linux"]["hosts"]["lb1"]["ansible_host"])
        before = (bridge / "address").read_text(encoding="ascii")
        with port_of(bridge.name, "02:00:00:00:00:01"):
            assert (bridge / "address").read_text(encoding="ascii") == before, (
                "else no neighbour finds them for a while"
            )
            for address in addresses:
                small.podman("exec", f"{small.name}-lb1", "bash", "-c", f": < /dev/tcp/{address}/5986")

        os.kill(json.loads(kept.read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
        assert changed("playbooks/lab.yml", "--check") == 1
        assert changed("playbooks/lab.yml") == 1
        pid = json.loads(kept.read_text(encoding="utf-8"))["pid"]
        assert changed("playbooks/lab.yml", "--check", lab_windows=1) > 0
        assert pathlib.Path(f"/proc/{pid}").exists()
    finally:
        small.play("playbooks/lab_down.yml", **sizes)
    assert not pathlib.Path(f"/proc/{pid}").exists()
    assert not kept.parent.exists()
    there = ip("-4", "-oneline", "address")
    assert not [address for address in addresses if f" {address}/" in there]
    assert changed("playbooks/lab_down.yml") == 0


def test_hosts_are_told_apart(lab: SmallLab) -> None:
    own = ("cat", "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub")
    seen = [lab.podman("exec", f"{lab.name}-{host}", *own) for host in lab.addresses]
    assert len(set(seen)) == len(lab.addresses)


def test_what_was_left_behind_is_mended(lab: SmallLab) -> None:
    before = lab.addresses
    crash(lab, "lb1")
    lab.podman("pause", f"{lab.name}-web1")
    lab.podman("kill", f"{lab.name}-web2")
    lab.podman("rm", "--force", "--time", "0", f"{lab.name}-web3")
    image = lab.podman("inspect", "--format", "{{.ImageName}}", f"{lab.name}-web1")
    # As a podman killed between making a container and starting it leaves it, with an address that another host has.
    lab.podman("create", "--name", f"{lab.name}-web3", "--network", lab.name, "--ip", before["web1"], image)
    lab.podman("create", "--name", f"{lab.name}-web9", "--label", f"golden.fleet.lab={lab.name}", image)

    assert lab.changed("playbooks/lab.yml") > 0
    assert lab.addresses == before
    assert lab.become_root_everywhere() == {"lb1", "web1", "web2", "web3"}
    assert f"{lab.name}-web9" not in lab.containers
    assert lab.changed("playbooks/lab.yml") == 0


def crash(lab: SmallLab, host: str) -> None:
    """Kills a host and the watcher that would tell podman of its death."""
    pid, watcher = lab.podman(
        "inspect", "--format", "{{.State.Pid}} {{.State.ConmonPid}}", f"{lab.name}-{host}"
    ).split()
    os.kill(int(watcher), signal.SIGKILL)
    os.kill(int(pid), signal.SIGKILL)


def test_check_mode_tells_and_changes_nothing(lab: SmallLab) -> None:
    before = lab.containers
    done = lab.play("playbooks/lab.yml", "--check", "--diff", lab_webs=2, lab_extra_hosts=[{"name": "db1"}])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^-.*web3", done.stdout, re.MULTILINE)
    assert re.search(r"^\+.*db1", done.stdout, re.MULTILINE)
    assert lab.containers == before


def test_provisioning_hosts_that_never_were_can_be_tried_in_check_mode(lab: SmallLab) -> None:
    done = lab.play("playbooks/provision.yml", "--check", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\+.*backend datasette", done.stdout, re.MULTILINE), done.stdout[-3000:]
    for host, program in (("lb1", "haproxy"), ("web1", "uv")):
        assert not lab.podman("exec", f"{lab.name}-{host}", "sh", "-c", f"command -v {program} || true")


def test_only_root_can(lab: SmallLab, tmp_path: pathlib.Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    (tmp_path / "id").chmod(0o755)
    done = lab.play("playbooks/lab.yml", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode != 0
    assert "The lab needs root: only root's podman gives hosts addresses" in done.stdout


def test_removed_alone(lab: SmallLab) -> None:
    name, others = lab.name, {container: of for container, of in lab.containers.items() if of != lab.name}
    lab.changed("golden.fleet.lab_down")
    left = lab.containers
    assert others.items() <= left.items()
    assert name not in left.values()
    assert name not in lab.podman("network", "ls", "--format", "{{.Name}}").split()
    assert not (lab.inventory / "hosts.yml").exists()
    assert not (lab.files / "known_hosts").exists()
    assert lab.changed("golden.fleet.lab_down") == 0
