# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts of the lab's kind, and an artifact for them to fetch from the lab's gateway.

BENCH_FOLDER names another folder for all that a bench writes: its lab is another one, too.
"""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
BUILD = Path(os.environ.get("BENCH_FOLDER") or CHECKOUT / "build" / "bench").absolute()
INVENTORY = BUILD / "inventory"
PLAYS = Path(__file__).parent / "plays"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def play(
    playbook: Path,
    variables: dict[str, Any],
    environment: dict[str, str] | None = None,
    inventory: Path = INVENTORY,
) -> float:
    """Runs one playbook as a person would; returns the seconds of the whole process."""
    return run([str(PLAYBOOK), "-i", str(inventory), str(playbook), "-e", json.dumps(variables)], environment)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Runs a command in the checkout, which has to succeed; returns the seconds of the whole process."""
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **(environment or {})}, capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return seconds


def begin_inventory(file: Path) -> None:
    """Has an inventory be there for the lab to fill: Ansible refuses one that is not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text("all:\n", encoding="utf-8")


@contextmanager
def lab(hosts: int, keep: bool, **more: Any) -> Iterator[str]:
    """Raises the hosts, or takes those that an earlier run kept; yields the address at which they reach us.

    ``more`` are variables of the role ``lab``.
    """
    begin_inventory(INVENTORY / "hosts.yml")
    sizes = {"lab_balancers": 0, "lab_webs": hosts, "lab_stores": 0, "lab_developments": 0}
    variables = {**sizes, "lab_services": ["bench"], "lab_files": str(BUILD / "lab")}
    variables |= {"lab_inventory": str(INVENTORY / "hosts.yml"), **more}
    print(f"raising {hosts} hosts", flush=True)
    play(CHECKOUT / "playbooks" / "lab.yml", variables)
    try:
        inventory = yaml.safe_load((INVENTORY / "hosts.yml").read_text())
        yield inventory["all"]["vars"]["operations_addresses"][0].split("/")[0]
    finally:
        if not keep:
            play(CHECKOUT / "playbooks" / "lab_down.yml", variables)


def inside(place: str) -> dict[str, Path]:
    """Where this machine finds a path of every host, by the host's name."""
    name = _lab_name()
    said = _podman("ps", "--filter", f"label=golden.fleet.lab={name}", "--format", "{{.Names}} {{.Pid}}")
    found = [line.removeprefix(f"{name}-").split() for line in said.splitlines()]
    return {host: Path(f"/proc/{process}/root{place}") for host, process in found}


def kill(host: str) -> None:
    """Kills a host as a power cut would."""
    _podman("kill", f"{_lab_name()}-{host}")


def _lab_name() -> str:
    return yaml.safe_load((INVENTORY / "hosts.yml").read_text())["all"]["vars"]["provider_podman_lab"]


def _podman(*words: str) -> str:
    environment = {**os.environ, "CONTAINERS_CONF": str(BUILD / "lab" / "containers.conf")}
    return subprocess.run(["podman", *words], env=environment, capture_output=True, text=True, check=True).stdout


def artifact(folder: Path, files: int, size: int) -> tuple[Path, str]:
    """An archive of ``files`` files that doesn't compress, ``size`` bytes in all; and its sha256."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=6) as tar:
        for name, data in _files(files, size):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return _kept(folder / "artifact.tar.gz", content.getvalue())


def zipped(folder: Path, files: int, size: int) -> tuple[Path, str]:
    """The same as a zip, with a program for an emulated Windows service."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bench.exe", "winlab-program\n")
        for name, data in _files(files, size):
            packed.writestr(name, data)
    return _kept(folder / "artifact.zip", content.getvalue())


def _files(files: int, size: int) -> Iterator[tuple[str, bytes]]:
    source = random.Random(1)  # noqa: S311  # the same bytes each time, not secret ones
    for number in range(files):
        yield f"part{number % 20}/file{number}", source.randbytes(size // files)


def _kept(path: Path, content: bytes) -> tuple[Path, str]:
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


@contextmanager
def store(address: str, folder: Path) -> Iterator[str]:
    """Serves ``folder`` at ``address``, out of a process of its own, as a store would be; yields its URL."""
    program = [sys.executable, "-m", "tests.bench.lab", address, str(folder)]
    with subprocess.Popen(program, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://{address}:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


def _serve(address: str, folder: str) -> None:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=folder)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        # All hosts ask at once: those that find the queue full would come back a second later.
        request_queue_size = 512

    with Server((address, 0), Handler) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever).start()
        threading.Event().wait()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
