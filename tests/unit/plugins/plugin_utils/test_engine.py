# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An engine runs through one plain Python, whatever shell and noise there is; what is no answer is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.play_context import PlayContext
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine

ENGINE = """
from .part import word
from .._files import read_json

def main(params):
    if params.get("say"):
        print(params["say"], flush=True)
    if params.get("break"):
        raise ValueError("no " + word)
    return {"word": word, "missing": read_json("/nowhere", "nothing"), "given": params}
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A small engine beside the collection's own shared files."""
    (tmp_path / "_small").mkdir()
    (tmp_path / "_small/__init__.py").write_text('"""Small."""\n')
    (tmp_path / "_small/part.py").write_text('word = "h\\xe9llo"\n', encoding="utf-8")
    (tmp_path / "_small/engine.py").write_text(ENGINE)
    (tmp_path / "_files.py").write_bytes((_engine._UTILS / "_files.py").read_bytes())
    monkeypatch.setattr(_engine, "_UTILS", tmp_path)
    _engine.load.cache_clear()
    yield "_small"
    _engine.load.cache_clear()


class Host:
    """What is used of a connection, with this machine's shell behind it."""

    _shell = None
    become = None
    has_pipelining = True

    def __init__(self, before=""):
        self.before = before

    def exec_command(self, command, in_data, sudoable):
        done = subprocess.run(["/bin/sh", "-c", self.before + command], input=in_data, capture_output=True)
        return done.returncode, done.stdout, done.stderr


class HostWithoutInput(Host):
    """One whose connection gives commands no standard input, as that of podman."""

    has_pipelining = False

    def put_file(self, source, target):
        shutil.copy(source, target)
        self.given = target

    def exec_command(self, command, sudoable):
        return super().exec_command(command, None, sudoable)


class Sudo:
    def build_become_command(self, command, shell):
        return f"/bin/sh -c 'echo BECOME-SUCCESS; '\"$(cat <<'end'\n{command}\nend\n)\""


def test_the_answer_comes_back(engine):
    answer = _engine.run(Host(), "web1", engine, {"name": "ä'\"\n$HOME"}, sys.executable)
    assert answer == {"word": "héllo", "missing": "nothing", "given": {"name": "ä'\"\n$HOME"}}


def test_an_action_has_its_program_before_ansible_forks():
    plugins = "ansible_collections.golden.fleet.plugins"
    seen = f"import {plugins}.action.release; from {plugins}.plugin_utils._engine import load; print(load.cache_info())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", seen], env=environment, capture_output=True, text=True, check=True)
    assert "currsize=1" in done.stdout


def test_a_connection_without_input_carries_the_program_in_a_file_that_does_not_stay(engine):
    host = HostWithoutInput()
    assert _engine.run(host, "web1", engine, {"name": "it's"}, sys.executable)["given"] == {"name": "it's"}
    assert not os.path.exists(host.given)
    with pytest.raises(_engine.HostError):
        _engine.run(host, "web1", engine, {"break": True}, sys.executable)
    assert not os.path.exists(host.given)


@pytest.mark.parametrize(
    ("host", "params"),
    [
        pytest.param(Host("echo Welcome to this host; "), {}, id="a shell that greets"),
        pytest.param(Host("echo trouble >&2; "), {}, id="a shell that complains"),
        pytest.param(Host(), {"say": "something\ngolden.fleet"}, id="an engine that prints"),
        pytest.param(Host("LC_ALL=C PYTHONPATH=/nowhere PYTHONWARNINGS=error "), {}, id="an odd environment"),
    ],
)
def test_noise_is_no_hindrance(engine, host, params):
    assert _engine.run(host, "web1", engine, params, sys.executable)["word"] == "héllo"


def test_become_wraps_the_one_command(engine):
    host = Host()
    host.become = Sudo()
    assert _engine.run(host, "web1", engine, {}, sys.executable)["word"] == "héllo"


@pytest.mark.parametrize(
    ("host", "params", "python", "seen"),
    [
        pytest.param(
            Host(), {"break": True}, sys.executable, "status 1 .*ValueError: no héllo", id="an engine that breaks"
        ),
        pytest.param(Host(), {}, "/no/python3", "status 127 .*not found", id="no Python there"),
        pytest.param(Host(), {}, "true", "status 0 and no answer; last seen: nothing", id="something else there"),
        pytest.param(Host("echo This account is closed; exit 1; "), {}, "x", "This account is closed", id="no way in"),
    ],
)
def test_what_is_no_answer_is_an_error_that_shows_it(engine, host, params, python, seen):
    with pytest.raises(_engine.HostError, match=f"^web1: python3 ended with {seen}" if "status" in seen else seen):
        _engine.run(host, "web1", engine, params, python)


def test_a_host_that_is_away_is_told_from_one_that_answers_nonsense(engine):
    class Away(Host):
        def exec_command(self, command, in_data, sudoable):
            raise AnsibleConnectionFailure("No route\n to host")

    with pytest.raises(_engine.UnreachableError, match=r"^web1: can't be reached: No route to host$"):
        _engine.run(Away(), "web1", engine, {})


@pytest.mark.parametrize(
    ("named", "python"),
    [
        ("/opt/python/bin/python3", "/opt/python/bin/python3"),
        ("auto", "/usr/bin/python3"),
        ("", "/usr/bin/python3"),
        ("{{ somewhere }}", "/usr/bin/python3"),
    ],
)
def test_which_python(named, python):
    assert _engine.python_of({"ansible_python_interpreter": named} if named else {}) == python


def test_a_balancer_is_spoken_to_in_its_own_shell_where_the_member_is_a_windows_host():
    asking = PlayContext()
    asking.shell = "powershell"
    action = types.SimpleNamespace(_play_context=asking, _connection=None)
    hostvars = {"win1": {"ansible_shell_type": "powershell"}, "lb1": {"ansible_connection": "ssh"}}
    connection = _engine.connect(action, {"inventory_hostname": "win1", "hostvars": hostvars}, "lb1")
    assert connection._shell._load_name == "sh"
    assert "sudo" in connection.become.build_become_command("true", connection._shell)
