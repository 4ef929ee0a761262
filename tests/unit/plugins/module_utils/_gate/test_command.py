from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._gate import command
from ansible_collections.golden.fleet.plugins.module_utils._gate.command import CommandError

ENV = {"PATH": os.environ["PATH"]}


def python(code, folder, timeout_seconds=20.0, env=None):
    return command.run([sys.executable, "-c", code], folder, env or ENV, timeout_seconds)


def runs(pid):
    """Whether a process runs; one that only waits to be collected doesn't."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid, within_seconds=5.0):
    deadline = time.monotonic() + within_seconds
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


def written_pid(path, within_seconds=10.0):
    """The number that a process writes to ``path``, once it is there."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def test_placeholders_are_replaced_and_other_braces_are_left():
    values = {"url": "http://x", "results": "/r", "member": "web3", "version": "{url}"}
    given = ["{url}/a", "--out={results}/{member}.xml", "%{http_code}", "{version}", "{}"]
    assert command.filled_in(given, values) == [
        "http://x/a",
        "--out=/r/web3.xml",
        "%{http_code}",
        "{url}",
        "{}",
    ]


def test_the_environment_holds_little_of_the_controllers():
    given = {"PATH": "/bin", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "s", "ANSIBLE_VAULT_PASSWORD_FILE": "f"}
    assert command.environment(given, {"url": "u", "member": "m"}) == {
        "PATH": "/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "FLEET_URL": "u",
        "FLEET_MEMBER": "m",
    }


def test_the_command_runs_in_the_folder_with_its_environment(tmp_path):
    ran = python("import os; print(os.getcwd(), os.environ['FLEET_URL'])", tmp_path, env={**ENV, "FLEET_URL": "u"})
    assert ran == (0, f"{tmp_path} u")


def test_a_script_of_the_folder_can_be_named(tmp_path):
    script = tmp_path / "suite.sh"
    script.write_text("#!/bin/sh\necho here\n")
    script.chmod(0o755)
    assert command.run(["./suite.sh"], tmp_path, ENV, 20) == (0, "here")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        pytest.param("raise SystemExit(3)", 3, id="a status"),
        pytest.param("import os; os.kill(os.getpid(), 11)", -11, id="a signal"),
    ],
)
def test_how_a_command_ended(tmp_path, code, status):
    assert python(code, tmp_path).status == status


def test_of_much_output_the_end_is_kept(tmp_path):
    ran = python("for n in range(200000): print('line', n)", tmp_path)
    assert ran.status == 0
    assert ran.tail.splitlines()[-1] == "line 199999"
    assert len(ran.tail.splitlines()) == 15


def test_what_goes_to_standard_error_is_shown_too(tmp_path):
    assert python("import sys; print('oh', file=sys.stderr)", tmp_path).tail == "oh"


def test_the_time_limit_ends_the_command_and_all_that_it_started(tmp_path):
    child = "import os, time; open('pid', 'w').write(f'{os.getpid()}\\n'); time.sleep(60)"
    code = (
        f"import subprocess, sys, time; print('began', flush=True); subprocess.run([sys.executable, '-c', {child!r}])"
    )
    started = time.monotonic()
    ran = python(code, tmp_path, timeout_seconds=1.5)
    assert ran == (None, "began")
    assert time.monotonic() - started < 10
    assert ends(written_pid(tmp_path / "pid"))


def test_a_command_that_ignores_the_request_to_end_is_killed(tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('began', flush=True); time.sleep(60)"
    started = time.monotonic()
    assert python(code, tmp_path, timeout_seconds=0.8).status is None
    assert time.monotonic() - started < 10


def test_what_a_command_left_behind_is_not_waited_for_and_ended(tmp_path):
    code = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']); "
        "open('pid', 'w').write(f'{child.pid}\\n'); print('done')"
    )
    started = time.monotonic()
    assert python(code, tmp_path) == (0, "done")
    assert time.monotonic() - started < 10
    assert ends(written_pid(tmp_path / "pid"))


def test_a_command_ends_with_a_controller_that_is_killed(tmp_path):
    inner = "import os, time; open('pid', 'w').write(f'{os.getpid()}\\n'); time.sleep(60)"
    outer = (
        "import os, pathlib, sys\n"
        "from ansible_collections.golden.fleet.plugins.module_utils._gate import command\n"
        f"command.run([sys.executable, '-c', {inner!r}], pathlib.Path.cwd(), dict(os.environ), 60)\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen([sys.executable, "-c", outer], cwd=tmp_path, env={**ENV, "PYTHONPATH": path}) as controller:
        pid = written_pid(tmp_path / "pid")
        controller.send_signal(signal.SIGKILL)
    assert ends(pid)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(["no-such-command"], "the command no-such-command isn't there", id="not there"),
        pytest.param(["./no-such-script"], "the command ./no-such-script isn't there", id="no such script"),
        pytest.param(["./text"], "the command ./text can't be started: ", id="not to be executed"),
    ],
)
def test_commands_that_cant_be_started(tmp_path, argv, says):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(CommandError) as error:
        command.run(argv, tmp_path, ENV, 5)
    assert says in str(error.value)


def test_a_folder_that_isnt_there(tmp_path):
    with pytest.raises(CommandError, match=r"the folder .*/gone isn't there"):
        command.run(["true"], tmp_path / "gone", ENV, 5)
