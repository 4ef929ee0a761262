# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member answers as the results of a test command: nothing of it is believed."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._gate import files
from ansible_collections.golden.fleet.plugins.module_utils._gate.command import CommandError
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import LimitError
from ansible_collections.golden.fleet.plugins.plugin_utils import _engine, _gates_member
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_member import checked

GATE = {"name": "suite", "command": ["suite", "{results}"], "results": "*.xml", "timeout_seconds": 30}


def answer(*given, **changes):
    return {"status": 0, "tail": "", "beside": [], "files": [list(file) for file in given], **changes}


def test_a_right_answer():
    ran, found = checked(answer(("deep/a b.xml", "PGEvPg=="), status=3, tail="one\ntwo", beside=["x.txt"]))
    assert ran == (3, "one\ntwo")
    assert found == ([("deep/a b.xml", b"<a/>")], ["x.txt"])


def test_an_answer_after_the_time_limit():
    assert checked(answer(status=None, tail="began")) == ((None, "began"), ([], []))


def test_of_a_long_tail_the_end_is_kept():
    (_status, tail), _found = checked(answer(tail="\n".join(map(str, range(100000)))))
    assert tail.splitlines()[-1] == "99999"
    assert len(tail.splitlines()) == 15


@pytest.mark.parametrize(
    "name",
    [
        *("../a.xml", "a/../../b.xml", "/etc/passwd", "a\\..\\b.xml", "\\\\host\\share"),
        *("", "a\n.xml", "\x1b[2J", "a" * 501, "\udcff.xml", None, 3, ["a"]),
    ],
    ids=repr,
)
def test_names_that_no_file_below_a_folder_can_have(name):
    with pytest.raises(CommandError, match="which none can have"):
        checked(answer((name, "")))
    with pytest.raises(CommandError, match="which none can have"):
        checked(answer(beside=[name]))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param(answer(status="0"), id="a status that is a text"),
        pytest.param(answer(status=True), id="a status that is true"),
        pytest.param(answer(tail=None), id="no tail"),
        pytest.param(answer(files={"a.xml": ""}), id="files that are no list"),
        pytest.param(answer(beside="a"), id="others that are no list"),
    ],
)
def test_what_is_no_answer(given):
    with pytest.raises(CommandError, match="is no result of a test command"):
        checked(given)


@pytest.mark.parametrize("file", ["a.xml", ["a.xml"], ["a.xml", None], ["a.xml", "", ""]], ids=repr)
def test_what_is_no_file(file):
    with pytest.raises(CommandError, match="something that is no file"):
        checked({**answer(), "files": [file]})


def test_data_that_is_no_base64():
    with pytest.raises(CommandError, match=r"as a\.xml is no file"):
        checked(answer(("a.xml", "<a/>")))


def test_limits_are_held_here_too(monkeypatch):
    with pytest.raises(LimitError, match="1001 files"):
        checked(answer(*((f"{number}.xml", "") for number in range(1001))))
    monkeypatch.setattr(_gates_member, "BYTES_LIMIT", files.BYTES_LIMIT >> 5)
    with pytest.raises(LimitError, match=r"with b\.xml"):
        checked(answer(("a.xml", "PGEvPg=="), ("b.xml", base64.b64encode(bytes(1 << 20)).decode())))


def test_an_error_is_told_and_cut():
    with pytest.raises(CommandError, match=r"^x{2000}$"):
        checked({"error": "x" * 9999})


def test_what_the_engine_is_asked(monkeypatch):
    asked = []

    def run(connection, host, engine, params, python):
        asked.append((connection, host, engine, params, python))
        return answer()

    monkeypatch.setattr(_engine, "run", run)
    values = {"url": "http://127.0.0.1:8001", "member": "web1", "version": "1.0"}
    _gates_member.runner("connection", "web1", "/usr/bin/python3", "/srv/web")(GATE, values)
    params = {"command": ["suite", "{results}"], "folder": "/srv/web/releases/1.0", "results": "*.xml"}
    params |= {"timeout_seconds": 30, "values": values}
    assert asked == [("connection", "web1", "_gate", params, "/usr/bin/python3")]
