# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What breaks a deployment on the host itself, and what a program behind a service does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.winlab import Host, Lab
from tests.winlab.control import serve
from tests.winlab.engines.stand_in import MARK
from tests.winlab.host import Said
from tests.winlab.payload import Async, Module

from .direct import run

pytestmark = pytest.mark.emulator_only

EXE = "C:\\shop\\shop.exe"
PROGRAM = MARK + b"\nport: ${PORT}\nanswers: {/health: [200, ok], /version: [200, 1.0.0]}\n"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def shop(host: Host, port: int) -> Host:
    """A service is installed and runs; its environment stands where Windows keeps it."""
    host.disk.make_folder("C:\\shop")
    host.disk.write(EXE, PROGRAM)
    host.disk.write("C:\\shop\\shop.dll", b"library")
    host.disk.write("C:\\shop\\readme.txt", b"text")
    key = {"path": "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\shop", "name": "Environment", "type": "multistring"}
    run(host, "win_service", {"name": "shop", "path": EXE})
    run(host, "win_regedit", {**key, "data": [f"PORT={port}"]})
    done = run(host, "win_service", {"name": "shop", "state": "started"})
    assert not done.get("failed"), done["msg"]
    return host


def _get(port: int, path: str = "/health") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:  # of our own
        return answer.read().decode()


def test_a_service_answers_while_it_runs_and_not_after(shop: Host, port: int) -> None:
    assert (_get(port), _get(port, "/version")) == ("ok", "1.0.0")
    run(shop, "win_service", {"name": "shop", "state": "stopped"})
    with pytest.raises(urllib.error.URLError):
        _get(port)


def test_the_old_program_is_in_use_until_the_service_starts_anew(shop: Host, port: int) -> None:
    shop.disk.make_folder("C:\\next")
    shop.disk.write("C:\\next\\shop.exe", PROGRAM.replace(b"1.0.0", b"2.0.0"))
    run(shop, "win_service", {"name": "shop", "path": "C:\\next\\shop.exe"})
    assert _get(port, "/version") == "1.0.0"
    assert "is denied" in run(shop, "win_file", {"path": EXE, "state": "absent"})["msg"]
    run(shop, "win_service", {"name": "shop", "state": "restarted"})
    assert _get(port, "/version") == "2.0.0"
    assert run(shop, "win_file", {"path": EXE, "state": "absent"})["changed"]
    assert "is denied" in run(shop, "win_file", {"path": "C:\\next", "state": "absent"})["msg"]


@pytest.mark.parametrize("path", [EXE, "C:\\shop\\shop.dll", "c:\\SHOP"])
def test_what_runs_is_not_removed(shop: Host, path: str) -> None:
    told = run(shop, "win_file", {"path": path, "state": "absent"})
    assert told["failed"]
    assert "is denied" in told["msg"]
    assert shop.disk.exists(EXE)
    run(shop, "win_service", {"name": "shop", "state": "stopped"})
    assert run(shop, "win_file", {"path": path, "state": "absent"})["changed"]


def test_what_runs_is_not_overwritten(shop: Host) -> None:
    shop.disk.write("C:\\new.exe", b"new")
    copied = {"src": "C:\\new.exe", "dest": EXE, "remote_src": True, "_copy_mode": "remote"}
    assert "is denied" in run(shop, "win_copy", copied)["msg"]
    assert shop.disk.read(EXE) == PROGRAM


def test_a_file_that_another_program_holds_is_neither_written_nor_removed(host: Host) -> None:
    host.disk.write("C:\\log.txt", b"x")
    host.set_hazards(locked={"c:\\LOG.txt"})
    told = run(host, "win_file", {"path": "C:\\log.txt", "state": "absent"})
    assert "used by another process" in told["msg"]
    host.clear_hazards()
    assert run(host, "win_file", {"path": "C:\\log.txt", "state": "absent"})["changed"]


def test_a_service_that_does_not_start(shop: Host) -> None:
    run(shop, "win_service", {"name": "shop", "state": "stopped"})
    shop.set_hazards(start_failures={"SHOP": ""})
    told = run(shop, "win_service", {"name": "shop", "state": "started"})
    assert "cannot be started" in told["msg"]
    assert "timely fashion" in told["msg"]
    assert run(shop, "win_service_info", {"name": "shop"})["services"][0]["state"] == "stopped"


def test_a_service_that_does_not_stop(shop: Host, port: int) -> None:
    shop.set_hazards(stop_failures={"shop": ""})
    told = run(shop, "win_service", {"name": "shop", "state": "stopped"})
    assert "cannot be stopped" in told["msg"]
    assert _get(port) == "ok"


def test_a_program_that_says_itself_that_it_fails(host: Host) -> None:
    host.disk.write("C:\\bad.exe", MARK + b"\nstart_error: The parameter is incorrect. (87)\n")
    told = run(host, "win_service", {"name": "bad", "path": "C:\\bad.exe", "state": "started"})
    assert "(87)" in told["msg"]


def test_two_services_can_not_have_one_port(shop: Host, port: int) -> None:
    told = run(shop, "win_service", {"name": "two", "path": f"{EXE} --port {port}", "state": "started"})
    assert "is in use" in told["msg"]


def _state(host: Host) -> str:
    return run(host, "win_service_info", {"name": "shop"})["services"][0]["state"]


def _hung(host: Host, state: str) -> threading.Thread:
    """What asks for the state is not answered; who looks sees what is pending."""
    asking = threading.Thread(target=run, args=(host, "win_service", {"name": "shop", "state": state}), daemon=True)
    asking.start()
    asking.join(0.2)
    assert asking.is_alive()
    for other in ("stopped", "restarted"):
        assert "(1061)" in run(host, "win_service", {"name": "shop", "state": other})["msg"]
    return asking


def test_a_service_that_hangs_while_it_stops(shop: Host, port: int) -> None:
    shop.set_hazards(stop_hangs={"Shop"})
    asking = _hung(shop, "restarted")
    assert _state(shop) == "stop_pending"
    assert _get(port) == "ok"
    assert "(1061)" in run(shop, "win_service", {"name": "shop", "state": "started"})["msg"]
    assert not run(shop, "win_service", {"name": "shop", "path": f"{EXE} --now"}).get("failed")
    shop.clear_hazards()
    assert _state(shop) == "stopped"
    asking.join(5)
    assert not asking.is_alive()
    assert _state(shop) == "stopped"
    assert run(shop, "win_service", {"name": "shop", "state": "started"})["state"] == "running"


def test_a_service_that_hangs_while_it_starts(shop: Host, port: int) -> None:
    shop.start()
    run(shop, "win_service", {"name": "shop", "state": "stopped"})
    shop.set_hazards(start_hangs={"shop"})
    asking = _hung(shop, "started")
    assert _state(shop) == "start_pending"
    with pytest.raises(urllib.error.URLError):
        _get(port)
    shop.power_off()
    asking.join(5)
    assert not asking.is_alive()
    shop.power_on()
    assert _state(shop) == "start_pending", "which holds up neither the boot nor another service"
    shop.clear_hazards()
    assert _state(shop) == "stopped"


@pytest.mark.parametrize("free", [0, 3])
def test_a_full_disk(host: Host, free: int) -> None:
    host.disk.write("C:\\from.txt", b"content")
    host.set_hazards(free_bytes=free)
    copied = {"src": "C:\\from.txt", "dest": "C:\\to.txt", "remote_src": True, "_copy_mode": "remote"}
    assert run(host, "win_copy", copied)["msg"] == "There is not enough space on the disk."
    assert not host.disk.exists("C:\\to.txt")


def test_a_path_that_is_too_long(host: Host) -> None:
    long = "C:\\" + "\\".join(["folder"] * 36)
    told = run(host, "win_file", {"path": long, "state": "directory"})
    assert "must be less than 260 characters" in told["msg"]
    host.set_hazards(long_paths=True)
    assert run(host, "win_file", {"path": long, "state": "directory"})["changed"]


def test_a_pending_reboot_shows_in_the_facts_and_goes_with_a_boot(host: Host) -> None:
    host.set_hazards(reboot_pending=True)
    assert run(host, "setup", {})["ansible_facts"]["ansible_reboot_pending"]
    host.power_on()
    assert not run(host, "setup", {})["ansible_facts"]["ansible_reboot_pending"]


def test_what_starts_by_itself_is_back_after_the_power_was_away(shop: Host, port: int) -> None:
    shop.start()
    shop.power_off()
    with pytest.raises(urllib.error.URLError):
        _get(port)
    shop.power_on()
    assert _get(port) == "ok"


def test_a_site_answers_with_its_files(tmp_path: Path, port: int) -> None:
    machine = Host(sites=True, folder=tmp_path)
    binding = {"ip": "*", "port": port, "hostname": ""}
    for version in ("one", "two"):
        machine.disk.make_folder(f"C:\\sites\\{version}")
        machine.disk.write(f"C:\\sites\\{version}\\version.txt", version.encode())
        machine.disk.write(f"C:\\sites\\{version}\\web.config", b"secret")
    run(machine, "win_feature", {"name": ["Web-Server"]})
    site = {"name": "shop", "physical_path": "C:\\sites\\one", "bindings": {"set": [binding]}}
    assert run(machine, "website", site)["changed"]
    assert _get(port, "/version.txt") == "one"
    run(machine, "website", {"name": "shop", "physical_path": "C:\\sites\\two"})
    assert _get(port, "/VERSION.txt") == "two"
    for path in ("/web.config", "/../one/version.txt", "/none.txt"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _get(port, path)
    run(machine, "web_app_pool", {"name": "DefaultAppPool", "state": "stopped"})
    with pytest.raises(urllib.error.HTTPError, match="503"):
        _get(port, "/version.txt")
    run(machine, "website", {"name": "shop", "state": "stopped"})
    with pytest.raises(urllib.error.URLError):
        _get(port, "/version.txt")
    machine.stop()


def test_the_log_has_no_secret(host: Host, tmp_path: Path) -> None:
    host.log._file = tmp_path / "log.jsonl"
    run(host, "win_user", {"name": "svc", "password": "Hidden-one"})
    run(host, "win_service", {"name": "x", "path": EXE, "username": "svc", "password": "Hidden-one"})
    run(host, "win_environment", {"level": "machine", "variables": {"A": "Hidden-one"}, "state": "present"})
    run(host, "win_command", {"_raw_params": f"net use {host.password(host.user)}"})
    text = host.log._file.read_text() + repr(host.log.entries)
    assert "Hidden-one" not in text
    assert str(host.password(host.user)) not in text
    assert text.count("********") > 4


def test_what_is_not_emulated_is_remembered(host: Host) -> None:
    told = run(host, "win_scheduled_task", {"name": "x"})
    assert told["msg"] == "winlab: not emulated: the module ansible.windows.win_scheduled_task"
    assert host.not_emulated == [told["msg"]]


def _ask(base: str, path: str, body: Any = None, method: str = "GET") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)  # noqa: S310  # of our own
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # the same
        return json.loads(answer.read())


def test_another_process_sets_hazards(tmp_path: Path) -> None:
    with Lab(1, folder=tmp_path) as lab:
        control = serve(lab)
        base = f"http://127.0.0.1:{control.server_address[1]}"
        _ask(base, "/win1/hazards", {"locked": ["C:\\x"], "drops": [{"at": "win_file"}]}, "POST")
        assert lab.hosts[0].disk.locked == {"C:\\x"}
        assert lab.hosts[0].hazards.drops[0].at == "win_file"
        assert _ask(base, "/win1/hazards", method="DELETE")["boots"] == 0
        assert lab.hosts[0].disk.locked == set()
        _ask(base, "/win1/answers", {"text": "Get-Date", "stdout": "now"}, "POST")
        assert run(lab.hosts[0], "win_shell", {"_raw_params": "Get-Date"})["stdout"] == "now"
        assert _ask(base, "/")["win1"]["port"] == lab.hosts[0].port
        assert _ask(base, "/win1/log")[0]["name"] == "ansible.windows.win_shell"
        with pytest.raises(urllib.error.HTTPError):
            _ask(base, "/win1/hazards", {"earthquake": True}, "POST")
        control.shutdown()


def test_hosts_of_a_process_of_their_own(tmp_path: Path) -> None:
    """The command: it writes an inventory when all listen, and ends when it is told to."""
    inventory = tmp_path / "hosts.yml"
    command = [sys.executable, "-m", "tests.winlab", "--hosts", "2", "--own-addresses", "--inventory", str(inventory)]
    process = subprocess.Popen([*command, "--folder", str(tmp_path / "lab")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("winlab: 2 hosts")
        hosts = yaml.safe_load(inventory.read_text())["all"]["children"]["windows"]["hosts"]
        assert [one["ansible_host"] for one in hosts.values()] == ["127.0.77.1", "127.0.77.2"]
        assert inventory.stat().st_mode & 0o077 == 0
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_what_runs_in_the_background_is_ended_by_its_number_and_tells_nothing(host: Host) -> None:
    goes_on = threading.Event()

    def slow(_host: Host, _found: Any) -> Said:
        goes_on.wait(20)
        return Said("late")

    host.answers.do("slow", slow)
    work = Module("ansible.windows.win_command", "", {"_raw_params": "slow"}, background=Async("C:\\jobs", "j1", 30))
    begun = host._interpreter._begin_job(work, "direct")
    end = {"argv": ["taskkill.exe", "/PID", str(begun["ansible_async_watchdog_pid"]), "/T", "/F"]}
    assert run(host, "win_command", end)["rc"] == 0
    again = run(host, "win_command", end)
    assert again["rc"] == 128
    assert "not found" in again["stderr"]
    goes_on.set()
    while not host.log.modules("ansible.windows.win_command")[-1].background:
        time.sleep(0.01)
    time.sleep(0.1)
    told = run(host, "async_status", {"jid": begun["ansible_job_id"], "_async_dir": "C:\\jobs"})
    assert told["finished"] is False
