# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gate on a Windows member: through the real connection plugins, against an emulated host."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest
import yaml

from tests.winlab import Host, Lab
from tests.winlab.engines.stand_in import MARK
from tests.winlab.host import Drop, Said

ROOT = pathlib.Path(__file__).resolve().parents[4]
SAMPLES = ROOT / "tests" / "unit" / "plugins" / "plugin_utils" / "results"
ROOT_FOLDER = "C:\\srv\\orders"
RELEASE = f"{ROOT_FOLDER}\\releases\\1.0-0123456789ab"
KEY = "HKLM:\\SOFTWARE\\golden.fleet"


class Member(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Version", "1.0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Member)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def lab(tmp_path):
    with Lab(1, folder=tmp_path / "lab") as lab:
        yield lab


@pytest.fixture
def host(lab):
    """A member with the release, and programs that a test may run."""
    host: Host = lab["win1"]
    host.disk.make_folder(RELEASE)
    record = {"releases": {"1.0": {"sha256": "0123456789ab" + "0" * 52}}, "activation": {"version": "1.0"}}
    host.registry.set(KEY, ROOT_FOLDER, json.dumps(record))
    said = b"run: {rc: 3, stdout: '${FLEET_URL} ${FLEET_MEMBER} ${FLEET_VERSION}', stderr: '${FLEET_RESULTS}'}\n"
    host.disk.write(f"{RELEASE}\\says.exe", MARK + b"\n" + said)
    host.disk.write(f"{RELEASE}\\broken.exe", b"no program")
    host.answers.do(r"suite (\S+) (\S+) (\S+) (\d)", _suite)
    return host


def _suite(host: Host, found) -> Said:
    """What a test program would leave: a sample of results, by a name below the folder for results."""
    sample, place, name, status = found.groups()
    folder = f"{place}\\{name}".rpartition("\\")[0]
    host.disk.make_folder(folder)
    host.disk.write(f"{place}\\{name}", (SAMPLES / f"{sample}.xml").read_bytes())
    return Said(stdout="ran", rc=int(status))


@pytest.fixture
def gate(tmp_path, url, lab):
    """Runs a gate with each command on the member; returns what came of each."""

    def run(*gates, connection="psrp", options=(), **variables):
        contract = {
            "service": "orders",
            "folder": str(tmp_path),
            "members": ["win1"],
            "listen": {"port": 8004},
            "release": {"root": "/srv/orders"},
            "windows": {"root": ROOT_FOLDER, "service": "Orders", "executable": "Orders.exe"},
            "pool": {"domain": "orders.example"},
            "health": {"path": "/", "status": 200, "version_header": "X-Version", "timeout_seconds": 1},
        }
        same = {"name": "suite", "results": "*.xml", "format": "auto", "timeout_seconds": 30, "runs_on": "member"}
        names = [f"got{number}" for number in range(len(gates))]
        tasks = [
            {
                "golden.fleet.gate": {
                    "contract": {**contract, "gates": [{**same, **one}]},
                    "version": "1.0",
                    "urls": [url],
                },
                "register": name,
                "ignore_errors": True,
                "environment": {"OF_THE_TASK": "kept"},
            }
            for one, name in zip(gates, names)
        ]
        dest = {"content": f"{{{{ [{', '.join(names)}] | to_json }}}}", "dest": str(tmp_path / "got.json")}
        save = {"ansible.builtin.copy": dest, "check_mode": False, "delegate_to": "localhost"}
        play = {"hosts": "win1", "gather_facts": False, "tasks": [*tasks, save]}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        hosts = {"win1": {**lab.variables(lab["win1"], connection), **variables}}
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {**hosts, "localhost": local}}}))
        command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", "play.yml", *options]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "collections")
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert lab["win1"].not_emulated == []
        return json.loads((tmp_path / "got.json").read_text())

    return run


def suite(sample, name="r.xml", status="0", **changes):
    return {"command": ["suite", sample, "{results}", name, status], **changes}


def left(host):
    """What is left on the host of gates that ran."""
    real = host.disk.root
    return [*real.rglob("golden-fleet-gate-*"), *(path for path in real.rglob(".ansible_async/*"))]


@pytest.mark.parametrize("connection", ["psrp", "winrm"])
def test_results_of_each_form_are_brought_and_read(gate, host, connection):
    got = gate(
        suite("trx_passed", "TestResults\\Run.TRX", results="**/*.trx", format="trx"),
        suite("nunit2_failed", status="1"),
        suite("nunit3_failed", format="nunit"),
        suite("trx_aborted"),
        connection=connection,
    )
    assert [(one["passed"], one["gates"][1]["tests"], len(one["gates"][1]["failures"])) for one in got] == [
        (True, 2, 0),
        (False, 4, 3),
        (False, 4, 2),
        (False, 1, 1),
    ]
    assert got[0]["msg"].startswith("win1 passed health (")
    assert "- Shop.BasketTests.AddsUp: Expected: 4 But was: 3" in got[1]["msg"]
    assert got[1]["kind"] == "gate"
    assert left(host) == []
    (first, *_others) = host.log.modules("ansible.windows.win_command")
    assert (first.background, first.arguments["chdir"]) == (True, RELEASE)
    # The release's folder, the new folder, the command, its end (asked for once or twice), its cleaning up, the list of
    # files, the file, and the removal.
    assert len(host.log.modules()) <= 4 * 9


def test_commands_that_prove_nothing(gate, host):
    host.answers.do(r"large (\S+)", lambda host, found: _large(host, found[1]))
    got = gate(
        {"command": [f"{RELEASE}\\says.exe"]},
        {"command": [f"{RELEASE}\\broken.exe"]},
        suite("nunit3_skipped"),
        suite("trx_passed", status="5"),
        suite("trx_passed", name="r.trx"),
        {"command": ["large", "{results}"]},
    )
    says = [one["msg"] for one in got]
    assert [one["passed"] for one in got] == [False] * 6
    assert says[0].startswith(
        "win1 failed the gate suite: the command ended with status 3, and it left no results: no file"
    )
    assert says[0].splitlines()[1] == "http://127.0.0.1:8004 win1 1.0"
    assert says[0].splitlines()[2].startswith("C:\\Users\\Administrator\\AppData\\Local\\Temp\\golden-fleet-gate-")
    assert f"the command {RELEASE}\\broken.exe can't be started: Failed to run" in says[1]
    assert "no test ran (1 were skipped)" in says[2]
    assert "2 tests ran, 0 failed, 1 were skipped, but the command ended with status 5; it said last:\nran" in says[3]
    assert "no file matches *.xml; there are r.trx" in says[4]
    assert "with r.xml the results are more than the limit of 32 MiB" in says[5]
    assert len(host.log.modules("ansible.windows.slurp")) == 2, "a file that is too large isn't even asked for"
    assert left(host) == []


def _large(host: Host, place: str) -> Said:
    with host.disk.real(f"{place}\\r.xml").open("wb") as file:
        file.truncate(33 << 20)
    return Said()


def test_the_time_limit_ends_the_command_with_all_that_it_started(gate, host):
    ended = threading.Event()

    def slow(_host, _found):
        ended.wait(30)
        return Said(rc=1)

    host.answers.do("slow", slow)
    started = time.monotonic()
    (got,) = gate({"command": ["slow"], "timeout_seconds": 1})
    ended.set()
    assert time.monotonic() - started < 20
    says = "win1 failed the gate suite: stopped at its time limit of 1 s; it said last:\n(what it said is not known"
    assert got["msg"].startswith(says)
    kill = host.log.modules("ansible.windows.win_command")[-1]
    assert kill.arguments["argv"][:2] == ["taskkill.exe", "/PID"]
    assert kill.result["rc"] == 0, "it named what ran in the background"
    assert left(host) == []


def test_a_connection_that_drops_while_the_command_runs_is_made_anew(gate, host):
    host.set_hazards(drops=[Drop("async_status", times=2)])
    (got,) = gate(suite("trx_passed"))
    assert got["passed"] is True, got["msg"]


def test_where_nothing_could_be_run_there_is_no_verdict(gate, host):
    """So the release isn't marked bad; and it isn't Ansible's "unreachable", which no rescue sees."""
    (got,) = gate(suite("trx_passed"), ansible_port=1, ansible_psrp_reconnection_retries=0)
    assert got["failed"] is True
    assert got["kind"] == "unreachable"
    assert "passed" not in got
    assert got["msg"].startswith("win1: can't be reached: ")


def test_the_release_has_to_be_there(gate, host):
    host.registry.remove(KEY)
    (got,) = gate(suite("trx_passed"))
    assert got["msg"] == "win1 failed the gate suite: the release 1.0 isn't there"


def test_check_mode_runs_nothing(gate, host):
    (got,) = gate(suite("trx_passed"), options=["--check"])
    assert got["passed"] is None
    assert "run suite on the member: suite trx_passed {results} r.xml 0" in got["msg"]
    assert host.log.entries == []
