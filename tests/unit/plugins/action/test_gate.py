# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate as a playbook meets it: members that no connection leads to, behind a real server that plays balancer."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest
import yaml

COLLECTIONS = pathlib.Path(__file__).resolve().parents[4] / "collections"

SUITE = """\
import os, pathlib, sys, urllib.request
version = urllib.request.urlopen(os.environ["FLEET_URL"] + "/suite").read().decode()
case = '<testcase classname="pages" name="{}">{}</testcase>'
wrong = '<failure message="was {}"/>'.format(os.environ["FLEET_MEMBER"]) if "broken" in version else ""
xml = "<testsuite>" + case.format("home", "") + case.format("search", wrong) * 12 + "</testsuite>"
pathlib.Path(sys.argv[1], "r.xml").write_text(xml)
pathlib.Path(os.environ["FLEET_RESULTS"]).joinpath("notes.txt").write_text("not looked at")
assert "SECRET" not in os.environ
"""


class Balancer(http.server.BaseHTTPRequestHandler):
    """Says what `web1` says: its version, in a header, at every path."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.hosts.add(self.headers["Host"])
        self.send_response(200)
        self.send_header("X-Fleet-Member", "web1")
        self.send_header("X-Version", self.server.version)
        self.end_headers()
        self.wfile.write(self.server.version.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def balancer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Balancer)
    server.asked, server.hosts, server.version = [], set(), "1.0"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def contract(tmp_path, balancer):
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "suite.py").write_text(SUITE)
    command = ["{python}", "suite.py", "{results}"]
    gate = {"name": "suite", "command": command, "results": "*.xml", "format": "auto", "timeout_seconds": 30}
    return {
        "service": "web",
        "folder": str(tmp_path / "service"),
        "members": ["web1"],
        "pool": {"domain": "web.example", "maintenance_port": balancer.server_address[1]},
        "health": {"path": "/health", "status": 200, "version_header": "X-Version", "timeout_seconds": 1},
        "gates": [gate],
    }


@pytest.fixture
def gate(tmp_path):
    """Runs the gate with each set of arguments, on every host at once; returns what each host got for each."""

    def run(*tasks, hosts=("web1",), options=(), members_are_here=False):
        # Nothing listens there: a task that wanted a connection would find the host unreachable.
        variables = {"ansible_host": "127.0.0.1", "ansible_port": 1}
        inventory = dict.fromkeys(hosts, variables)
        # The member itself: this machine, and another that is reached the same way.
        here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        inventory |= dict.fromkeys(("web1", "web2"), here) if members_are_here else {}
        inventory |= {"lb1": {"ansible_host": "127.0.0.1"}, "lb2": {"ansible_host": "localhost"}}
        names = [f"got{number}" for number in range(len(tasks))]
        play = {
            "hosts": ",".join(hosts),
            "gather_facts": False,
            "tasks": [
                *(
                    {"golden.fleet.gate": {"version": "1.0", **task}, "register": name, "ignore_errors": True}
                    for task, name in zip(tasks, names)
                ),
                {
                    "ansible.builtin.copy": {
                        "content": f"{{{{ [{', '.join(names)}] | to_json }}}}",
                        "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
                    },
                    "check_mode": False,
                    "delegate_to": "localhost",
                },
            ],
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": inventory}}))
        command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", "play.yml", *options]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "SECRET": "s3cret"}
        environment |= {"TMPDIR": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
        environment |= {"ANSIBLE_PYTHON_INTERPRETER": sys.executable}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads((tmp_path / f"{host}.json").read_text()) for host in hosts], done.stdout

    return run


def test_a_member_that_passes_and_one_whose_tests_fail(gate, contract, balancer, tmp_path):
    ((passed,),), output = gate({"contract": contract, "balancers": ["lb1", "lb2"]}, options=["-v"])
    assert passed["passed"] is True
    assert passed["changed"] is False
    assert [(ran["name"], ran["tests"]) for ran in passed["gates"]] == [
        ("health", 0),
        ("suite", 13),
        ("health afterwards", 0),
    ]
    assert passed["msg"].startswith("web1 passed health (")
    assert "13 tests" in passed["msg"]
    assert "web1: passed suite in" in output
    assert balancer.asked == ["/health"] * 3 + ["/suite"] + ["/health"] * 2
    assert balancer.hosts == {"web.example", f"127.0.0.1:{balancer.server_address[1]}"}
    assert not list(tmp_path.glob("golden-fleet-gate-*"))

    balancer.version = "1.0+broken"
    ((failed,),), output = gate({"contract": contract, "balancers": ["lb1"], "version": "1.0+broken"})
    assert failed["passed"] is False
    assert failed["failed"] is True
    assert [ran["name"] for ran in failed["gates"]] == ["health", "suite"]
    assert failed["gates"][1]["failures"][11] == {"name": "pages.search", "message": "was web1"}
    lines = failed["msg"].splitlines()
    assert lines[:2] == [
        "web1 failed the gate suite: 13 tests ran, 12 failed, 0 were skipped",
        "- pages.search: was web1",
    ]
    assert lines[-1] == "- and 2 more"
    assert "s3cret" not in output


def test_commands_that_prove_nothing(gate, contract):
    def with_command(*command, **changes):
        return {"contract": {**contract, "gates": [{**contract["gates"][0], "command": command, **changes}]}}

    write = "import pathlib, sys; pathlib.Path(sys.argv[1], 'r.xml').write_text(sys.argv[2]); print('bye'); "
    cases = {
        "the command no-such-command isn't there": with_command("no-such-command"),
        "the command ended with status 0, and it left no results": with_command("true"),
        "the command ended with status 3, and it left no results: no file matches *.xml; it said last:\nbye": (
            with_command("sh", "-c", "echo bye; exit 3")
        ),
        "no test ran (0 were skipped); it said last:\nbye": with_command(
            "{python}", "-c", write, "{results}", "<testsuite/>"
        ),
        "1 tests ran, 0 failed, 0 were skipped, but the command ended with status 4": with_command(
            "{python}", "-c", f"{write} sys.exit(4)", "{results}", "<testsuite><testcase/></testsuite>"
        ),
        "stopped at its time limit of 1 s; it said nothing": with_command("sleep", "30", timeout_seconds=1),
    }
    (got,), _output = gate(*({**case, "balancers": ["lb1"]} for case in cases.values()))
    for result, says in zip(got, cases):
        assert result["failed"] is True
        assert f"web1 failed the gate suite: {says}" in result["msg"]


@pytest.fixture
def on_member(contract, tmp_path):
    """Makes a contract whose suite is in the release, and runs on the member."""
    release = tmp_path / "srv" / "releases" / "1.0"
    release.mkdir(parents=True)
    (release / "suite.sh").write_text(
        "#!/bin/sh\n"
        'echo "$PWD $FLEET_URL $1 ${SECRET-nothing}"\n'
        'echo "<testsuite><testcase name=\\"home\\"/></testsuite>" >"$FLEET_RESULTS/r.xml"\n'
    )
    (release / "suite.sh").chmod(0o755)
    here = {**contract, "listen": {"port": 8001}, "release": {"root": str(tmp_path / "srv")}}

    def with_command(*command, **changes):
        gate = {**contract["gates"][0], "command": list(command), "runs_on": "member", **changes}
        return {**here, "gates": [gate]}

    return with_command


def test_a_suite_on_the_member(gate, on_member, tmp_path):
    passing = on_member("./suite.sh", "{url}")
    tasks = [
        {"contract": passing, "balancers": ["lb1"]},
        # From a task for another host, and with the status of one that fails, to see what it said.
        {"contract": on_member("sh", "-c", "./suite.sh {url} {member}; exit 4"), "member": "web2", "urls": ["URL"]},
    ]
    tasks[1]["urls"] = [f"http://127.0.0.1:{passing['pool']['maintenance_port']}"]
    ((passed, said),), output = gate(*tasks, members_are_here=True)
    assert passed["passed"] is True, passed["msg"]
    assert [(ran["name"], ran["tests"]) for ran in passed["gates"]][1] == ("suite", 1)
    assert said["passed"] is False
    assert said["kind"] == "gate"
    where = tmp_path / "srv" / "releases" / "1.0"
    assert said["msg"].splitlines() == [
        "web2 failed the gate suite: 1 tests ran, 0 failed, 0 were skipped, but the command ended with status 4; "
        "it said last:",
        f"{where} http://127.0.0.1:8001 http://127.0.0.1:8001 nothing",
    ]
    assert "s3cret" not in output
    assert not list(tmp_path.glob("**/golden-fleet-gate-*"))


def test_commands_on_the_member_that_prove_nothing(gate, on_member):
    write = 'echo "$0" >{results}/'
    cases = {
        "the command no-such-command isn't there": on_member("no-such-command"),
        "the command ended with status 0, and it left no results: no file matches *.xml; there are a.trx": (
            on_member("sh", "-c", "echo >{results}/a.trx")
        ),
        "no test ran (0 were skipped)": on_member("sh", "-c", f"{write}r.xml", "<testsuite/>"),
        "1 tests ran, 1 failed": on_member(
            "sh", "-c", f"{write}r.xml", "<testsuite><testcase><failure/></testcase></testsuite>"
        ),
        "refused, as test results have no document type": on_member("sh", "-c", f"{write}r.xml", "<!DOCTYPE a><a/>"),
        "it left no results": on_member("ln", "-s", "/etc/hostname", "{results}/r.xml"),
        "which none can have": on_member(
            "sh", "-c", f"{write}r.xml; mv {{results}}/r.xml {{results}}/'..\\r.xml'", "x"
        ),
        "stopped at its time limit of 1 s; it said last:\nbegan": on_member(
            "sh", "-c", "echo began; sleep 30", timeout_seconds=1
        ),
    }
    (got,), _output = gate(
        *({"contract": case, "balancers": ["lb1"]} for case in cases.values()), members_are_here=True
    )
    for result, says in zip(got, cases):
        assert result["failed"] is True
        assert result["passed"] is False
        assert says in result["msg"]


def test_a_release_that_isnt_there_and_a_member_out_of_reach(gate, on_member):
    contract = on_member("./suite.sh")
    gone = {**contract, "release": {"root": "/nowhere"}}
    ((nowhere,),), _output = gate({"contract": gone, "balancers": ["lb1"]}, members_are_here=True)
    assert "the folder /nowhere/releases/1.0 isn't there" in nowhere["msg"]

    # That says nothing of the release: it is no verdict, and none of Ansible's "unreachable", past every rescue.
    ((result,),), _output = gate({"contract": contract, "balancers": ["lb1"]})
    assert result["failed"] is True
    assert result["kind"] == "unreachable"
    assert "passed" not in result
    assert result["msg"].startswith("web1: can't be reached: ")
    assert [ran["name"] for ran in result["gates"]] == ["health"]


def test_members_at_once_have_folders_of_their_own_and_need_no_balancer(gate, contract, balancer):
    hosts = [f"web{number}" for number in range(1, 6)]
    url = f"http://127.0.0.1:{balancer.server_address[1]}"
    got, _output = gate({"contract": contract, "urls": [url]}, hosts=hosts)
    assert [result["passed"] for (result,) in got] == [True] * 5
    assert balancer.asked.count("/suite") == 5


def test_check_mode_asks_nothing_and_says_what_it_would(gate, contract, balancer):
    ((result,),), _output = gate({"contract": contract, "balancers": ["lb1"]}, options=["--check", "--diff"])
    assert (result["passed"], result["changed"], result["gates"]) == (None, False, [])
    assert result["msg"] == (
        f"would ask http://127.0.0.1:{balancer.server_address[1]}/health for status 200 and version 1.0, "
        "then run suite: {python} suite.py {results}"
    )
    assert balancer.asked == []


def test_check_mode_says_what_it_would_run_on_the_member(gate, on_member, balancer):
    ((result,),), _output = gate({"contract": on_member("./suite.sh"), "balancers": ["lb1"]}, options=["--check"])
    assert result["passed"] is None
    assert result["msg"].endswith(", then run suite on the member: ./suite.sh")
    assert balancer.asked == []


def test_wrong_arguments_and_a_member_that_isnt_healthy(gate, contract, balancer):
    cases = [
        ({"balancers": ["lb9"]}, "the balancer lb9 is not in the inventory"),
        ({"balancers": ["lb1"], "member": "web9"}, "web9 is no member of web, whose members are web1"),
        ({"balancers": ["lb1"], "version": "../1"}, "'../1' is no version name"),
        ({"balancers": []}, "there is no way to web1"),
        ({"urls": ["ftp://x"]}, "'ftp://x' in urls is not an http or https URL"),
        ({}, "one of the following is required: balancers, urls"),
        ({"balancers": ["lb1"], "urls": ["http://x"]}, "mutually exclusive"),
        (
            {"balancers": ["lb1"], "version": "2.0"},
            "web1 failed the gate health: not healthy after 1 s; last seen: "
            "web1 through lb1: version 1.0 instead of 2.0",
        ),
    ]
    (got,), _output = gate(*({"contract": contract, **arguments} for arguments, _says in cases))
    for result, (_arguments, says) in zip(got, cases):
        assert result["failed"] is True
        assert says in result["msg"]
