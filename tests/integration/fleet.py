# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab as the fault tests use it: playbooks to run and to hurt, what the balancers and the members say."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.lab import CHECKOUT, Host, Lab, tool
from demo.load import Load
from demo.records import Config, Figures, Record
from demo.report import fetch_admissions, online_min, wrong_versions
from demo.sampler import Sampler

INVENTORY = CHECKOUT / "inventories" / "lab"
CALLBACKS = CHECKOUT / "tests" / "integration" / "callbacks"
FOLDER = CHECKOUT / "build" / "integration"
STATE = "/var/lib/golden-fleet"
LIMIT_SECONDS = 300


def command(playbook: str, *options: str, inventories: tuple[Path, ...] = (INVENTORY,), **variables: Any) -> list[str]:
    """The command line of a playbook: a file below playbooks/ or, with a dot in it, a path or a collection's name."""
    name = playbook if "." in playbook else f"playbooks/{playbook}.yml"
    sources = [part for inventory in inventories for part in ("-i", str(inventory))]
    given = ["-e", json.dumps(variables)] if variables else []
    return [tool("ansible-playbook"), name, *sources, *given, *options]


def _descendants(process: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [one for child in children for one in (int(child), *_descendants(int(child)))]


@dataclass
class Run:
    """A playbook under way in a process group of its own, or ended."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        """Sends a signal to the controller and all that it has started: its workers are in sessions of their own."""
        for process in [self.process.pid, *_descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """Kills the controller's whole process group; its workers are in others, and find that out by themselves."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def wait(self, seconds: float = LIMIT_SECONDS) -> int:
        """The exit code; a run that takes too long is killed and shown."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s:\n{self.tail()}") from None

    def reached(self, pattern: str, seconds: float = LIMIT_SECONDS) -> None:
        """Waits until its output holds the pattern."""
        self.until(lambda: re.search(pattern, self.output) is not None, repr(pattern), seconds)

    def until(self, seen: Callable[[], bool], what: str, seconds: float = LIMIT_SECONDS) -> None:
        """Waits until something is seen that happens while it runs."""
        end = time.monotonic() + seconds
        while not seen():
            assert self.process.poll() is None, f"ended before {what}:\n{self.tail()}"
            assert time.monotonic() < end, f"{what} not seen in {seconds} s:\n{self.tail()}"
            time.sleep(0.02)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.output.splitlines()[-lines:])

    @property
    def changed(self) -> int:
        """How many tasks changed something, by Ansible's own recap."""
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output))


@dataclass
class Watched:
    """What customers got while something was done, and who was online."""

    figures: Figures
    wrong_version: int
    online_min: int
    versions: set[str]
    failures: list[Record]

    def assert_nothing_lost(self, floor: int, restarted: str = "") -> None:
        """No request failed; of those in the hands of a balancer that was ``restarted`` itself, a few may have."""
        assert self.figures.requests > 0
        failures = [record for record in self.failures if record.balancer != restarted]
        assert not failures, f"{len(failures)} failed: {failures[:5]}"
        assert len(self.failures) <= 5, f"more than what was under way: {self.failures[:10]}"
        assert self.wrong_version == 0
        assert self.online_min >= floor, f"{self.online_min} online, the floor is {floor}"


@dataclass
class Fleet:
    """The lab's environment, and the folder in which whoever works with it stands."""

    lab: Lab
    cwd: Path = CHECKOUT
    inventories: tuple[Path, ...] = (INVENTORY,)
    env: dict[str, str] = field(default_factory=dict)
    versions: tuple[str, str] = ("", "")
    _runs: list[Run] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def held_before(self, task: str, playbook: str, **variables: Any) -> Iterator[Run]:
        """A playbook that waits before one of its tasks while the block runs."""
        file = FOLDER / "held"
        file.unlink(missing_ok=True)
        callbacks = {"ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "ANSIBLE_CALLBACKS_ENABLED": "hold"}
        hold = {"FLEET_TEST_HOLD_BEFORE": task, "FLEET_TEST_HOLD_FILE": str(file)}
        run = dataclasses.replace(self, env={**self.env, **callbacks, **hold}).start(playbook, **variables)
        run.until(file.exists, repr(task))
        try:
            yield run
        finally:
            file.unlink()

    def start(self, playbook: str, *options: str, **variables: Any) -> Run:
        FOLDER.mkdir(parents=True, exist_ok=True)
        log = FOLDER / f"{next(self._numbers):03}-{Path(playbook).name}.log"
        env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8", **self.env}
        with log.open("wb") as out:
            process = subprocess.Popen(
                command(playbook, *options, inventories=self.inventories, **variables),
                cwd=self.cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        run = Run(process, log)
        self._runs.append(run)
        return run

    def play(self, playbook: str, *options: str, **variables: Any) -> Run:
        """Runs a playbook to its end."""
        run = self.start(playbook, *options, **variables)
        run.wait()
        return run

    def must(self, playbook: str, *options: str, **variables: Any) -> Run:
        """Runs a playbook that has to succeed."""
        run = self.play(playbook, *options, **variables)
        assert run.process.returncode == 0, run.tail()
        return run

    def end(self) -> None:
        """Ends whatever a test that failed has left under way."""
        for run in self._runs:
            if run.process.poll() is None:
                run.signal(signal.SIGKILL)
                run.process.wait(timeout=10)

    def host(self, name: str) -> Host:
        (found,) = [host for host in self.lab.group("linux") if host.name == name]
        return found

    def on(self, host: str, *words: str, seconds: float = 30, given: str = "") -> str:
        """What a command prints on a host of the lab, run there as root with ``given`` on its standard input."""
        done = subprocess.run(
            self.host(host).command(*words), capture_output=True, text=True, timeout=seconds, check=False, input=given
        )
        assert done.returncode == 0, f"{host}: {' '.join(words)}: {done.stderr}"
        return done.stdout

    def on_each(self, hosts: Iterable[str], *words: str) -> dict[str, str]:
        """What a command prints on each of the hosts, asked all at once."""
        names = list(hosts)
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            return dict(zip(names, pool.map(lambda host: self.on(host, *words), names), strict=True))

    def podman(self, *words: str) -> str:
        """Podman on this machine: what a power switch or a pulled cable would do to a host."""
        env = {**os.environ, "CONTAINERS_CONF": str(CHECKOUT / "build" / "lab" / "containers.conf")}
        done = subprocess.run(["podman", *words], capture_output=True, text=True, timeout=60, check=False, env=env)
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def network(self, host: str, *words: str) -> None:
        """Runs a command of this machine within a host's network: what somebody at the switch would do."""
        process = self.podman("inspect", "--format", "{{.State.Pid}}", self.container(host))
        subprocess.run(["nsenter", "--target", process, "--net", *words], check=True, timeout=30)

    def container(self, host: str) -> str:
        """The name of a host's container, as roles/lab makes it of the checkout's path."""
        files = str((CHECKOUT / "build" / "lab").resolve())
        return f"fleet-{hashlib.sha256(files.encode()).hexdigest()[:6]}-{host}"

    def state(self, balancer: str, service: str) -> dict[str, Any]:
        """What a balancer has kept about a service: lock, leases, number."""
        return json.loads(self.on(balancer, "cat", f"{STATE}/{service}.json"))

    def leases(self, service: str) -> dict[str, list[str]]:
        """The members under a lease, by balancer."""
        kept = self.on_each([lb.name for lb in self.lab.balancers], "cat", f"{STATE}/{service}.json")
        return {balancer: sorted(json.loads(text)["leases"]) for balancer, text in kept.items()}

    def journal(self, balancer: str, service: str) -> list[dict[str, Any]]:
        text = self.on(balancer, "cat", f"{STATE}/{service}.journal.jsonl")
        return [json.loads(line) for line in text.splitlines()]

    def active_on(self, service: str, member: str) -> str:
        """The release that a member runs, as its link says."""
        return self.on(member, "readlink", f"/srv/{service}/current").strip().rpartition("/")[2]

    def active(self, service: str) -> dict[str, str]:
        """The release that each member runs, as its link says; of a Windows member, as its program says."""
        members = self.lab.services[service].members
        linux = {host.name for host in self.lab.group("linux")}.intersection(members)
        links = self.on_each([member for member in members if member in linux], "readlink", f"/srv/{service}/current")
        said = {member: self.served(service, member) for member in members if member not in linux}
        return {member: link.strip().rpartition("/")[2] for member, link in links.items()} | said

    def served(self, service: str, member: str) -> str:
        """The version that a member's own program says, asked without a balancer; empty while it does not answer."""
        target, contract = self.lab.services[service].target(), self.lab.services[service].contract
        address = next(host for host in self.lab.group(service) if host.name == member).address
        url = f"http://{address}:{contract['listen']['port']}{target.path}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # http
            return target.read_version(answer.headers, answer.read()) or ""
        return ""

    def online(self, service: str) -> dict[str, list[str]]:
        """The members that HAProxy itself shows online, by balancer."""
        with Sampler(self.lab.balancers, [service]) as sampler:
            sampler.wait(10)
            latest = sampler.latest
        members = self.lab.services[service].members
        return {name: [m for m in members if m not in sample.out] for (name, _), sample in latest.items()}

    @contextlib.contextmanager
    def watched(self, *services: str, rate: float = 60, samples_per_second: float = 5) -> Iterator[list[Watched]]:
        """Load and sampling while the block runs; afterwards the list holds what was seen of the first service."""
        chosen = [self.lab.services[name] for name in services]
        config = Config(
            balancers={host.name: f"http://{host.address}" for host in self.lab.balancers},
            targets=tuple(service.target() for service in chosen),
            rate=rate,
            seconds=LIMIT_SECONDS * 2,
        )
        load = Load(config, FOLDER, name=f"load-{len(self._runs):03}")
        seen: list[Watched] = []
        sampling = Sampler(self.lab.balancers, list(services), per_second=samples_per_second)
        with sampling as sampler, load:
            sampler.wait(20)
            yield seen
            figures = load.stop()
            samples = sampler.stop()
        records = load.records()
        admissions = fetch_admissions(self.lab.balancers, list(services), STATE, sampler.clock_offsets)
        seen += [
            Watched(
                figures,
                len(wrong_versions(records, admissions)),
                online_min(samples, name),
                set(figures.versions.get(name, {})),
                [record for record in records if record.failed and record.service == name],
            )
            for name in services
        ]
