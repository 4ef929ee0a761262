# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine as it really runs: its sources on the standard input of a plain Python, without a site."""

from __future__ import annotations

import base64
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._gate.engine import main
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine

VALUES = {"url": "http://127.0.0.1:8001", "member": "web1", "version": "1.0"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command of the shell as a gate; its folder for results is below ``tmp_path / "places"``."""
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places))
    (tmp_path / "release").mkdir()

    def run(script, *, results="*.xml", timeout_seconds=20, **more):
        given = {"command": ["sh", "-c", script, "{member}", "{results}"], "folder": str(tmp_path / "release")}
        mask = os.umask(0o077)
        before = signal.getsignal(signal.SIGTERM)
        try:
            given |= {"results": results, "timeout_seconds": timeout_seconds, "values": VALUES}
            return main({**given, **more})
        finally:
            os.umask(mask)
            signal.signal(signal.SIGTERM, before)
            assert list(places.iterdir()) == []

    return run


def test_results_are_brought_with_the_status(run, tmp_path):
    script = 'echo $0 $FLEET_VERSION >"$FLEET_RESULTS/a.xml"; pwd; env; cp "$1/a.xml" "$1/b.txt"; exit 3'
    answer = run(script)
    assert answer["status"] == 3
    assert answer["files"] == [["a.xml", base64.b64encode(b"web1 1.0\n").decode()]]
    assert answer["tail"].startswith(str(tmp_path / "release"))
    seen = {line.partition("=")[0] for line in answer["tail"].splitlines()[1:]} - {"PWD", "_", "OLDPWD", "SHLVL"}
    assert seen == {"PATH", "HOME", "LANG", "FLEET_URL", "FLEET_RESULTS", "FLEET_MEMBER", "FLEET_VERSION"}


def test_a_command_that_takes_too_long_goes_with_all_it_started(run, tmp_path):
    answer = run('sleep 60 & echo $! >pid; echo x >"$1/a.xml"; echo began; wait', timeout_seconds=0.5)
    assert answer == {"status": None, "tail": "began", "files": [], "beside": []}
    pid = int((tmp_path / "release" / "pid").read_text())
    assert not pathlib.Path(f"/proc/{pid}").exists() or " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text()


def test_where_no_file_matches_others_are_named(run):
    answer = run('echo >"$1/a.trx"')
    assert (answer["files"], answer["beside"]) == ([], ["a.trx"])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"command": ["no-such-command"]}, "the command no-such-command isn't there"),
        ({"folder": "/nowhere"}, "the folder /nowhere isn't there"),
        (
            {"command": ["sh", "-c", "truncate -s 40M {results}/a.xml"]},
            "with a.xml the results are more than the limit of 32 MiB",
        ),
    ],
)
def test_what_comes_to_nothing_is_an_error_in_words(run, more, says):
    assert run("", **more) == {"error": says}


def test_it_runs_on_a_host_that_has_only_python(tmp_path):
    class Host:
        _shell = become = None
        has_pipelining = True

        def exec_command(self, command, in_data, sudoable):
            done = subprocess.run(["/bin/sh", "-c", command], input=in_data, capture_output=True, env={})
            return done.returncode, done.stdout, done.stderr

    script = "echo '<testsuite/>' >$FLEET_RESULTS/a.xml; echo $PATH"
    given = {"command": ["sh", "-c", script], "folder": str(tmp_path), "results": "*", "timeout_seconds": 20}
    answer = _engine.run(Host(), "web1", "_gate", {**given, "values": VALUES}, sys.executable)
    assert answer["status"] == 0
    assert base64.b64decode(answer["files"][0][1]) == b"<testsuite/>\n"
    assert answer["tail"].startswith("/usr/local/sbin:")


def test_an_engine_that_is_ended_leaves_neither_command_nor_folder(tmp_path):
    given = {"command": ["sh", "-c", f"echo $$ >{tmp_path}/pid; sleep 60"], "folder": str(tmp_path)}
    given |= {"results": "*", "timeout_seconds": 60, "values": VALUES}
    code = f"from ansible_collections.golden.fleet.plugins.module_utils._gate.engine import main; main({given!r})"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {"PYTHONPATH": path, "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as engine:
        deadline = time.monotonic() + 20
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.1)
        engine.terminate()
    assert not list(tmp_path.glob("golden-fleet-gate-*"))
    pid = int((tmp_path / "pid").read_text())
    assert not pathlib.Path(f"/proc/{pid}").exists() or ") Z " in pathlib.Path(f"/proc/{pid}/stat").read_text()
