# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_command, win_shell, win_powershell: what a test scripted, what is built in, or a real program; else a failure."""

from __future__ import annotations

import datetime
import json
from typing import Any

from ..errors import NotEmulatedError, NotFoundError, WindowsError
from ..host.answers import Said
from ..host.services import split_command
from . import Call, ModuleFailure, Result, handles

_TIMEOUT = 600.0


@handles("ansible.windows.win_command", ignored=("output_encoding_override",))
def win_command(call: Call) -> Result:
    line = call["_raw_params"] or call["cmd"] or _joined(call["argv"])
    return _skipped(call, line) or _told(line, lambda: _command(call, line))


# What a text answers is scripted; how it would have been run makes no difference.
@handles(
    "ansible.windows.win_shell",
    renamed={"_raw_params": ("free_form", "cmd")},  # the second in newer documentation
    ignored=("chdir", "executable", "stdin", "no_profile", "output_encoding_override"),
)
def win_shell(call: Call) -> Result:
    line = call.arguments.get("free_form") or call["cmd"]
    return _skipped(call, line) or _told(line, lambda: _scripted(call, line))


def _joined(words: list[str] | None) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in words or [])


def _skipped(call: Call, line: str) -> Result | None:
    disk = call.host.disk
    told = {"changed": False, "cmd": line, "rc": 0, "skipped": True}
    if call["creates"] and disk.exists(call["creates"]):
        return {**told, "msg": f"skipped, since {call['creates']} exists"}
    if call["removes"] and not disk.exists(call["removes"]):
        return {**told, "msg": f"skipped, since {call['removes']} does not exist"}
    if call.check:
        return {**told, "msg": "skipped, running in check mode"}
    return None


def _told(line: str, run: Any) -> Result:
    began = datetime.datetime.now()
    said: Said = run()
    ended = datetime.datetime.now()
    told = {
        "changed": True,
        "cmd": line,
        "stdout": said.stdout,
        "stderr": said.stderr,
        "rc": said.rc,
        "start": f"{began:%Y-%m-%d %H:%M:%S.%f}",
        "end": f"{ended:%Y-%m-%d %H:%M:%S.%f}",
        "delta": str(ended - began),
    }
    if said.rc != 0:
        raise ModuleFailure("non-zero return code", **told)
    return told


def _scripted(call: Call, text: str) -> Said:
    said = call.host.answers.find(call.host, text)
    if said is None:
        raise NotEmulatedError(f"{text!r} has no answer (host.answers.say)")
    return said


def _command(call: Call, line: str) -> Said:
    """An answer where there is one; else the program itself, where an engine can run it."""
    said = call.host.answers.find(call.host, line)
    if said is not None:
        return said
    program, arguments = split_command(line)
    environment = {**call.host.environment, **call.module.environment}
    folder = call["chdir"] or ""
    if not call.host.disk.is_file(program):
        raise NotEmulatedError(f"{line!r} has no answer (host.answers.say), and {program} is no file on C:")
    try:
        done = call.host.engines.run(program, arguments, environment, folder, call["stdin"] or "", _TIMEOUT)
    except (NotFoundError, WindowsError) as error:
        raise ModuleFailure(f"Failed to run: '{line}': {error}", rc=2, cmd=line) from None
    return Said(done.stdout, done.stderr, done.rc)


@handles(
    "ansible.windows.win_powershell",
    ignored=(
        "arguments",
        "parameters",
        "sensitive_parameters",
        "chdir",
        "depth",
        "error_action",
        "executable",
        "remote_src",
    ),
)
def win_powershell(call: Call) -> Result:
    told: Result = {
        "changed": False, "result": {}, "host_out": "", "host_err": "", "output": [], "error": [], "warning": [],
        "verbose": [], "debug": [], "information": [],
    }  # fmt: skip
    disk = call.host.disk
    for name, there in (("creates", True), ("removes", False)):
        if call[name] and disk.exists(call[name]) == there:
            why = f"since {call[name]} {'exists' if there else 'does not exist'}"
            return {**told, "msg": f"skipped, {why}"}
    script = call["script"] if call["path"] is None else disk.read_text(call["path"])
    # A script runs in check mode where it says that it supports it.
    if call.check and "SupportsShouldProcess" not in script:
        return {**told, "changed": True, "msg": "skipped, running in check mode"}
    said = _scripted(call, script)
    told.update(changed=said.changed, result=said.result, output=said.output or _objects(said.stdout))
    if said.rc or said.stderr:
        told.update(failed=bool(said.rc), host_err=said.stderr)
    return told


def _objects(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return text.splitlines()
    return found if isinstance(found, list) else [text]
