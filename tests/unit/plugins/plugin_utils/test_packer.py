# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real Packer, on templates that only run a command on this machine."""

from __future__ import annotations

import shutil
import stat
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _packer
from ansible_collections.golden.fleet.plugins.plugin_utils._packer import PackerError

pytestmark = pytest.mark.skipif(shutil.which("packer") is None, reason="Packer is not on this machine")

TEMPLATE = """
variable "word" { type = string }
source "null" "here" { communicator = "none" }
build {
  sources = ["source.null.here"]
  provisioner "shell-local" { inline = ["echo \\"TASK [said ${var.word} $WHERE]\\"", "COMMAND"] }
}
"""


def template(folder: Path, command: str = "true") -> Path:
    (folder / "template").mkdir(exist_ok=True)
    (folder / "template" / "one.pkr.hcl").write_text(TEMPLATE.replace("COMMAND", command), encoding="utf-8")
    return folder / "template"


def test_a_build_tells_its_steps_and_keeps_all_in_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    where = template(tmp_path, "sleep 1")
    seconds = _packer.build("packer", where, {"word": "canary"}, {"WHERE": "here"}, log, said.append)
    assert seconds > 0
    assert "TASK [said canary here]" in log.read_text()
    assert "TASK [said canary here]" in said
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_build_that_fails_shows_its_end(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match=r"(?s)ended with status 1.*said no .*exit status: 7"):
        _packer.build("packer", template(tmp_path, "exit 7"), {"word": "no"}, {}, tmp_path / "log", print)


def test_variables_are_not_on_the_command_line(tmp_path: Path) -> None:
    where = template(tmp_path, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\\\\\0' ' ' > " + str(tmp_path / "seen"))
    _packer.build("packer", where, {"word": "canary-1f3"}, {}, tmp_path / "log", print)
    assert "packer" in (tmp_path / "seen").read_text()
    packers = [
        line
        for line in (tmp_path / "seen").read_text().split("packer build")[1:]
        if "canary-1f3" in line.split("/bin/sh")[0]
    ]
    assert packers == []


def test_a_wrong_template_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match=r"(?s)packer validate .*word"):
        _packer.validate("packer", template(tmp_path), {})
    _packer.validate("packer", template(tmp_path), {"word": "x"})


def test_the_version_and_a_packer_that_is_not_there() -> None:
    assert "Packer" in _packer.version("packer")
    with pytest.raises(PackerError, match="no-such-packer is not installed on this machine"):
        _packer.version("no-such-packer")


def test_one_bake_waits_for_another(tmp_path: Path) -> None:
    lock, said, order = tmp_path / "lock", list[str](), list[str]()

    def first() -> None:
        with _packer.alone(lock, 1, said.append):
            order.append("first began")
            time.sleep(0.4)
            order.append("first ended")

    thread = threading.Thread(target=first)
    thread.start()
    while not order:
        time.sleep(0.01)
    with _packer.alone(lock, 5, said.append):
        order.append("second")
    thread.join()
    assert order == ["first began", "first ended", "second"]
    assert "waiting" in said[0]


def test_a_bake_that_goes_on_for_too_long_is_named(tmp_path: Path) -> None:
    with _packer.alone(tmp_path / "lock", 1, print), pytest.raises(PackerError, match="a bake begun at"):  # noqa: SIM117
        with _packer.alone(tmp_path / "lock", 0.1, print):
            raise AssertionError("not to be reached")
