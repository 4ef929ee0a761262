# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each handler by the table cases.yml: what it does, that it is done the second time, and that check mode says so."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.winlab import Host, Service
from tests.winlab.certificate import Authority
from tests.winlab.engines.stand_in import MARK
from tests.winlab.errors import WindowsError
from tests.winlab.modules import all_handlers

from .direct import full_name, run, state

pytestmark = pytest.mark.emulator_only

Arguments = dict[str, Any]


@dataclass
class Case:
    sentence: str
    module: str
    arguments: Arguments
    told: Arguments | str  # a part of the result, or a part of the message of a failure
    given: list[tuple[str, Arguments]]
    again: bool | str  # what the second run says of a change, or that it fails
    unlike_check: bool


def _case(told: dict[str, Any]) -> Case:
    given = [(module, arguments) for one in told.pop("given", []) for module, arguments in one.items()]
    sentence, said = told.pop("sentence"), told.pop("told")
    again, unlike_check = told.pop("again", False), told.pop("unlike_check", False)
    ((module, arguments),) = told.items()
    return Case(sentence, module, arguments, said, given, again, unlike_check)


def _zip(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return data.getvalue()


SHOP = "C:\\shop\\shop.exe"
CASES = [_case(told) for told in yaml.safe_load(Path(__file__).with_name("cases.yml").read_text())]


@pytest.fixture
def furnished(host: Host) -> Host:
    """With a program, an archive, a certificate, an answer, and something on the web."""
    host.disk.make_folder("C:\\shop")
    host.disk.write(SHOP, MARK + b"\nrun: {stdout: ran}\n")
    host.disk.write("C:\\text.exe", b"hello")
    host.disk.write("C:\\shop.zip", _zip(readme="hello", bin__tool="x"))
    host.disk.write("C:\\own.pem", _certificate(host))
    host.answers.say("Get-Date", stdout="now")
    host.answers.say("$Ansible.Changed = $true", result={"x": 1})
    return host


def _certificate(host: Host) -> bytes:
    return Authority(host.disk.root.parent / "tls").file.read_bytes()


def _thumbprint(host: Host) -> str:
    told = run(host, "win_certificate_store", {"path": "C:\\own.pem"}, check=True)
    return str(told["thumbprints"][0])


@pytest.fixture
def web(furnished: Host) -> int:
    """A program of the host that listens."""
    furnished.disk.write("C:\\web.exe", MARK + b"\nport: ${PORT}\nanswers: {/health: [200, ok]}\n")
    for port in range(28080, 28180):
        try:
            furnished.services.start(furnished.services.add(Service("web", f"C:\\web.exe --port {port}")))
            return port
        except WindowsError:  # taken; another worker of pytest has it
            pass
    raise AssertionError("no port is free")


@pytest.mark.parametrize("case", CASES, ids=[case.sentence for case in CASES])
def test_handler(case: Case, furnished: Host, request: pytest.FixtureRequest) -> None:
    text = json.dumps(case.arguments)
    if "OWN" in text:
        case.arguments = json.loads(text.replace("OWN", _thumbprint(furnished)))
    if "WEB" in text or '"port": 0, "timeout"' in text:
        port = request.getfixturevalue("web")
        case.arguments = json.loads(text.replace("WEB", f"http://127.0.0.1:{port}"))
        case.arguments.update({"port": port} if "port" in case.arguments else {})
    for module, arguments in case.given:
        done = run(furnished, module, arguments)
        assert not done.get("failed"), done["msg"]
    before = state(furnished)
    checked = run(furnished, case.module, case.arguments, check=True, diff=True)
    assert state(furnished) == before, "check mode changed something"
    told = run(furnished, case.module, case.arguments)
    if isinstance(case.told, str):
        assert told.get("failed"), told
        assert case.told in told["msg"]
        return
    assert not told.get("failed"), told["msg"]
    assert {key: told.get(key) for key in case.told} == case.told
    if not case.unlike_check:
        assert checked["changed"] == told["changed"]
    second = run(furnished, case.module, case.arguments)
    assert second.get("failed") if case.again == "fails" else second["changed"] == case.again


def test_each_handler_has_a_case() -> None:
    missing = set(all_handlers()) - {full_name(case.module) for case in CASES}
    # The next two are shown by what Ansible really sends; the third is another name of one that is here.
    assert missing == {"ansible.windows.async_status", "ansible.windows.win_unzip"}


def test_no_answer_of_a_handler_is_undocumented(furnished: Host) -> None:
    for case in CASES:
        if not isinstance(case.told, str) and "WEB" not in json.dumps(case.arguments):
            for module, arguments in case.given:
                run(furnished, module, arguments)
            run(furnished, case.module, case.arguments, diff=True)
    assert [said for said in furnished.not_emulated if "document" in said] == []


def test_content_is_what_was_written(furnished: Host) -> None:
    run(furnished, "win_unzip", {"src": "C:\\shop.zip", "dest": "C:\\new"})
    told = run(furnished, "slurp", {"src": "C:\\NEW\\Bin\\TOOL"})
    assert base64.b64decode(told["content"]) == b"x"
