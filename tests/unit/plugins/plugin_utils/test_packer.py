# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real Packer, on templates that only run a command on this machine."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _bake_lock, _packer
from ansible_collections.golden.fleet.plugins.plugin_utils._packer import PackerError
from ansible_collections.golden.fleet.plugins.plugin_utils._rollout_lock import this_process

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


def build(folder: Path, where: Path, word: str = "x", say: Callable[[str], None] = print, **more: Any) -> float:
    given = {"environment": {"WHERE": "here"}, "lock": folder / "lock", "timeout_seconds": 60, **more}
    return _packer.build("packer", where, {"word": word}, log=folder / "log", say=say, **given)


def test_a_build_tells_its_steps_and_keeps_all_in_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    where = template(tmp_path, "sleep 1")
    seconds = build(tmp_path, where, "canary", said.append)
    assert seconds > 0
    assert "TASK [said canary here]" in log.read_text()
    assert "TASK [said canary here]" in said
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_build_that_fails_shows_its_end(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match=r"(?s)ended with status 1.*said no .*exit status: 7"):
        build(tmp_path, template(tmp_path, "exit 7"), "no")


def test_variables_are_not_on_the_command_line(tmp_path: Path) -> None:
    where = template(tmp_path, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\\\\\0' ' ' > " + str(tmp_path / "seen"))
    build(tmp_path, where, "canary-1f3")
    assert "packer" in (tmp_path / "seen").read_text()
    packers = [
        line
        for line in (tmp_path / "seen").read_text().split("packer build")[1:]
        if "canary-1f3" in line.split("/bin/sh")[0]
    ]
    assert packers == []


def test_a_wrong_template_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match=r"(?s)packer validate .*word"):
        _packer.validate("packer", template(tmp_path), {}, lock=tmp_path / "lock")
    _packer.validate("packer", template(tmp_path), {"word": "x"}, lock=tmp_path / "lock")


def test_a_wrong_template_ends_a_build_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match=r"(?s)ended with status 1.*word"):
        _packer.build(
            *("packer", template(tmp_path, f"touch {tmp_path}/begun"), {}, {}, tmp_path / "log", print),
            **{"lock": tmp_path / "lock", "timeout_seconds": 60},
        )
    assert not (tmp_path / "begun").exists()


def test_playbooks_read_what_they_are_given_and_it_goes_with_packer(tmp_path: Path) -> None:
    where = template(tmp_path, f"cat $(echo '${{var.word}}' | cut -c2-) > {tmp_path}/read")
    build(tmp_path, where, "@{given}", given={"secret": "canary-7a0"})
    assert json.loads((tmp_path / "read").read_text()) == {"secret": "canary-7a0"}
    (tmp_path / "read").unlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock", "log", "template"]


@pytest.mark.parametrize("whole", [pytest.param(True, id="with all"), pytest.param(False, id="the keeper alone")])
def test_whatever_is_killed_the_next_bake_finds_nothing_of_it(tmp_path: Path, whole: bool) -> None:
    where = template(tmp_path, f"touch {tmp_path}/begun; sleep 60")
    asked = multiprocessing.get_context("fork").Process(
        target=build, args=(tmp_path, where, "canary-52c"), kwargs={"given": {"secret": "canary-52c"}}
    )
    asked.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    (link,) = tmp_path.glob("*.pkrvars.json")
    keeper = int(os.readlink(link).split("/")[2])
    assert "canary-52c" in link.read_text()
    packers = children_of(keeper)
    assert stat.S_IMODE((tmp_path / "lock.given.json").stat().st_mode) == 0o600
    if whole:
        asked.kill()
    os.kill(keeper, signal.SIGKILL)
    asked.join()
    assert not link.exists(), "it leads nowhere any more"
    (tmp_path / "log").unlink()
    _bake_lock.hold(tmp_path / "lock", this_process(os.getpid()), 5, print)
    holding = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "canary-52c", tmp_path], text=True, stdout=-1
    )
    assert holding.stdout == ""
    for packer in packers:
        os.killpg(packer, signal.SIGKILL)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["begun", "lock", "lock.owner", "template"]


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


CHECKOUT = Path(__file__).resolve().parents[4]
ANY = {"base": "base", "host": "host", "groups": ["service"]}
KINDS = {
    "podman": {"repository": "localhost/lab/service", "tag": "candidate-1"},
    "amazon-ebs": {
        **{"name": "image", "region": "eu-central-1", "tags": {}, "run_tags": {}, "security_groups": ["sg-1"]},
        **{"key_pair": "k", "private_key_file": "/dev/null", "stand_in": True},
    },
    "amazon-ebs-windows": {
        **{"name": "image", "region": "eu-central-1", "tags": {}, "run_tags": {}, "security_groups": ["sg-1"]},
        **{"key_pair": "k", "private_key_file": "/dev/null", "stand_in": True},
    },
    "qemu": {"output": "/nowhere", "name": "n.qcow2", "private_key_file": "KEY", "public_key": "eA=="},
}


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind) for kind in KINDS])
def test_the_templates_are_valid(kind: str, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    key = {"private_key_file": str(tmp_path / "key")} if "private_key_file" in KINDS[kind] else {}
    base = {"base": str(tmp_path / "key")} if kind == "qemu" else {}
    variables = {**ANY, **KINDS[kind], **key, **base}
    _packer.validate("packer", CHECKOUT / "images" / kind, variables, lock=tmp_path / "lock")
    variables.pop("host")
    with pytest.raises(PackerError, match="host"):
        _packer.validate("packer", CHECKOUT / "images" / kind, variables, lock=tmp_path / "lock")


def test_the_version_and_a_packer_that_is_not_there() -> None:
    assert "Packer" in _packer.version("packer")
    with pytest.raises(PackerError, match="no-such-packer is not installed on this machine"):
        _packer.version("no-such-packer")


def test_a_build_ends_at_its_time_limit_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(PackerError, match=r"(?s)was stopped at its time limit of 1 s.*TASK \[said x"):
        build(tmp_path, template(tmp_path, f"sleep 61 & echo $! > {tmp_path}/pid; wait"), timeout_seconds=1)
    assert time.monotonic() - began < 20
    process = int((tmp_path / "pid").read_text())
    # A process that is killed takes a moment to end; whether it was reaped doesn't matter.
    until = time.monotonic() + 10
    while this_process(process)["started"]:
        assert time.monotonic() < until, "it runs on"
        time.sleep(0.02)


def test_only_one_packer_at_a_time(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(PackerError, match=r"another Packer is under way, which holds .*/lock"):
            build(tmp_path, template(tmp_path))
    build(tmp_path, template(tmp_path))


def test_packer_keeps_its_lock_when_whoever_asked_for_it_is_killed(tmp_path: Path) -> None:
    where = template(tmp_path, f"touch {tmp_path}/begun; sleep 3")
    asked = multiprocessing.get_context("fork").Process(target=build, args=(tmp_path, where))
    asked.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    asked.kill()
    asked.join()
    with (tmp_path / "lock").open("a") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert "Build 'null.here' finished" in (tmp_path / "log").read_text()
