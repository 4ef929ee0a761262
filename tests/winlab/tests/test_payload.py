# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The decoder against what the installed ansible-core really sends, by both connection plugins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.winlab import Lab, payload
from tests.winlab.errors import NotEmulatedError
from tests.winlab.pytest_plugin import run_play
from tests.winlab.wsman import Command

pytestmark = pytest.mark.emulator_only

_PLAY = Path(__file__).with_name("meanings.yml")
Meanings = dict[str, list[payload.Meaning]]


@pytest.fixture(scope="module")
def meanings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meanings]:
    """By connection plugin, in the order in which they came."""
    folder = tmp_path_factory.mktemp("meanings")
    with Lab(2, folder=folder / "lab") as lab:
        lab.hosts[0].answers.say('"from the controller"', stdout="heard")
        found: Meanings = {}
        hosts = {}
        for host, connection in zip(lab.hosts, ("winrm", "psrp")):
            found[connection] = []
            _record(host._interpreter, found[connection])
            hosts[connection] = lab.variables(host, "winrm" if connection == "winrm" else "psrp")
        done = run_play(folder, hosts, _PLAY)
        assert done.rc == 0, done.output
        yield found


def _record(interpreter: Any, into: list[payload.Meaning]) -> None:
    execute = interpreter.execute

    def recording(command: Command) -> Any:
        into.append(payload.decode(command))
        return execute(command)

    interpreter.execute = recording


@pytest.fixture(params=["winrm", "psrp"])
def sent(request: pytest.FixtureRequest, meanings: Meanings) -> list[payload.Meaning]:
    return meanings[request.param]


def _modules(sent: list[payload.Meaning], name: str) -> list[payload.Module]:
    return [one for one in sent if isinstance(one, payload.Module) and one.name == f"ansible.windows.{name}"]


def test_a_module_comes_with_its_arguments(sent: list[payload.Meaning]) -> None:
    (module,) = _modules(sent, "win_regedit")
    assert module.arguments == {
        "path": "HKLM:\\SOFTWARE\\winlab",
        "name": 'quoted "and" grüße',
        "data": ["one", "two"],
        "type": "multistring",
    }
    assert (module.check, module.diff, module.no_log) == (True, True, False)
    assert module.environment == {"COLOUR": "blue"}
    assert module.become is module.background is None
    assert Path(module.path).name == "win_regedit.ps1"


def test_become_comes_with_its_password(sent: list[payload.Meaning]) -> None:
    become = _modules(sent, "win_ping")[0].become
    assert become == payload.Become("other", "Not-for-the-log")
    assert "Not-for-the-log" not in repr(become)


def test_a_job_in_the_background_has_a_number_and_a_time(sent: list[payload.Meaning]) -> None:
    background = _modules(sent, "win_ping")[1].background
    assert background is not None
    assert background.job.startswith("j")
    assert background.timeout_seconds == 30


def test_a_file_comes_whole_and_its_folder_goes(sent: list[payload.Meaning]) -> None:
    put = next(one for one in sent if isinstance(one, payload.PutFile))
    assert b"".join(put.pieces()) == b"hello"
    (made,) = (one for one in sent if isinstance(one, payload.MakeTemporary) if one.name in put.path)
    removals = [one.text for one in sent if isinstance(one, payload.Script) and one.text.startswith("Remove-Item")]
    assert any(made.name in text for text in removals)
    assert [one.arguments["_copy_mode"] for one in _modules(sent, "win_copy")] == ["query", "single"]


def test_a_file_is_asked_for(sent: list[payload.Meaning]) -> None:
    (fetched,) = (one for one in sent if isinstance(one, payload.FetchFile))
    assert fetched.path == "C:\\Temp\\hello.txt"


def test_scripts_come_without_what_is_put_around_them(sent: list[payload.Meaning]) -> None:
    scripts = [one for one in sent if isinstance(one, payload.Script)]
    assert "Get-Thing 'x'; exit 4" in [one.text for one in scripts]
    (of_controller,) = (one for one in scripts if one.name.startswith("ansible.builtin.script"))
    assert of_controller.text.startswith("& ")


def test_a_script_of_ansible_core_that_is_new_is_refused() -> None:
    first = '{"name": "exec_wrapper", "script": "", "params": {}}'
    second = '{"scripts": {}, "actions": [{"name": "new_wrapper.ps1", "params": {}}], "signed_hashlist": []}'
    with pytest.raises(NotEmulatedError, match=r"new_wrapper\.ps1"):
        payload.decode(Command("x", [first, "\0\0\0\0", second], "psrp"))
