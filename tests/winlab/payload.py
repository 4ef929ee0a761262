# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible meant: a command and its input decoded to a module with arguments, a file transfer or a plain script.

The shape is ansible-core's own and private to it: the command is always the same bootstrap script, and the input is

    {"name": "exec_wrapper", "script": ..., "params": ...}
    \\0\\0\\0\\0
    {"scripts": {name: {path, script}}, "actions": [{name, params, secure_params}, ...], "signed_hashlist": []}
    \\0\\0\\0\\0        only where more input follows, as a file's content

Tested against what ansible-core 2.19 and 2.21 send.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import NotEmulatedError
from .wsman import Command

_END = "\0\0\0\0"
_ENCODED = re.compile(r"(?i)^\s*\"?powershell(?:\.exe)?\"?\s.*?-EncodedCommand\s+\"?([A-Za-z0-9+/=]+)\"?")
_FRAMING = {"become_wrapper.ps1", "async_wrapper.ps1", "async_watchdog.ps1", "exec_wrapper.ps1", "coverage_wrapper.ps1"}


@dataclass(frozen=True)
class Become:
    user: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Async:
    folder: str
    job: str
    timeout_seconds: int


@dataclass(frozen=True)
class Module:
    """A module to run. ``settings`` are the arguments that begin with ``_ansible_``, without that prefix."""

    name: str
    path: str  # of the module's file on the controller
    arguments: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    become: Become | None = None
    background: Async | None = None

    @property
    def check(self) -> bool:
        return bool(self.settings.get("check_mode"))

    @property
    def diff(self) -> bool:
        return bool(self.settings.get("diff"))

    @property
    def no_log(self) -> bool:
        return bool(self.settings.get("no_log"))


@dataclass(frozen=True)
class PutFile:
    path: str
    lines: list[str] = field(repr=False)  # base64

    def pieces(self) -> Iterator[bytes]:
        for line in self.lines:
            if line:
                yield base64.b64decode(line)


@dataclass(frozen=True)
class FetchFile:
    path: str
    size: int
    offset: int | None  # None: all of it, streamed


@dataclass(frozen=True)
class MakeTemporary:
    folder: str
    name: str


@dataclass(frozen=True)
class ExpandUser:
    path: str


@dataclass(frozen=True)
class Script:
    """PowerShell, or a command line for cmd, that is no module: of ``raw``, ``script`` or an action plugin."""

    text: str
    name: str = ""
    become: Become | None = None


Meaning = Module | PutFile | FetchFile | MakeTemporary | ExpandUser | Script


def decode(command: Command) -> Meaning:
    script = _script_of(command)
    manifest, rest = _manifest(command.stdin)
    if manifest is None:
        return Script(_bare(script))
    actions = manifest["actions"]
    name = actions[-1]["name"]
    if name == "module_wrapper.ps1":
        return _module(manifest, actions)
    _refuse_unknown(actions[:-1])
    return _helper(name, actions[-1]["params"], rest)


def _script_of(command: Command) -> str:
    """Over WinRS the script is within a command line, over PSRP it stands by itself."""
    found = _ENCODED.match(command.text)
    return base64.b64decode(found[1]).decode("utf-16-le") if found else command.text


# What connection and shell plugins put around a script so that its failure has an exit code.
_BEFORE = re.compile(r"^Set-StrictMode -Version Latest\r?\n")
_AFTER = re.compile(
    r"(?:[;\s]*If \(-not \$\?\) \{ If \(Get-Variable LASTEXITCODE .*|\s*\nexit \$LASTEXITCODE\s*)$", re.DOTALL
)


def _bare(script: str) -> str:
    return _AFTER.sub("", _BEFORE.sub("", script)).strip()


def _manifest(lines: list[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """The second part of the input, and the lines after it."""
    if _END not in lines:
        return None, lines
    first = lines.index(_END)
    try:
        wrapper = json.loads("\n".join(lines[:first]))
    except ValueError:
        return None, lines
    if wrapper.get("name") != "exec_wrapper":
        raise NotEmulatedError(f"the wrapper {wrapper.get('name')!r}")
    after = lines[first + 1 :]
    second = after.index(_END) if _END in after else len(after)
    return json.loads("\n".join(after[:second])), after[second + 1 :]


def _helper(name: str, params: dict[str, Any], rest: list[str]) -> Meaning:
    if name in ("winrm_put_file.ps1", "psrp_put_file.ps1"):
        return PutFile(params["Path"], rest)
    if name in ("winrm_fetch_file.ps1", "psrp_fetch_file.ps1"):
        return FetchFile(params["Path"], params["BufferSize"], params.get("Offset"))
    if name == "powershell_mkdtemp.ps1":
        return MakeTemporary(params["Directory"], params["Name"])
    if name == "powershell_expand_user.ps1":
        return ExpandUser(params["Path"])
    raise NotEmulatedError(f"ansible-core's script {name}")


def _module(manifest: dict[str, Any], actions: list[dict[str, Any]]) -> Meaning:
    _refuse_unknown(actions[:-1])
    framing = {action["name"]: action for action in actions[:-1]}
    params = actions[-1]["params"]
    source = manifest["scripts"][params["Script"]]
    become = _become(framing.get("become_wrapper.ps1"))
    if not params.get("ForModule"):
        return Script(base64.b64decode(source["script"]).decode("utf-8-sig"), params["Script"], become)
    variables = {variable["Name"]: variable["Value"] for variable in params.get("Variables") or []}
    given = variables["complex_args"]
    return Module(
        name=_public_name(params["Script"]),
        path=source.get("path") or "",
        arguments={key: value for key, value in given.items() if not key.startswith("_ansible_")},
        settings={key[len("_ansible_") :]: value for key, value in given.items() if key.startswith("_ansible_")},
        environment={key: str(value) for key, value in (params.get("Environment") or {}).items()},
        become=become,
        background=_background(framing),
    )


def _public_name(script: str) -> str:
    """``ansible_collections.ns.name.plugins.modules.thing.ps1`` is ns.name.thing."""
    found = re.fullmatch(r"ansible_collections\.(\w+)\.(\w+)\.plugins\.modules\.(.+)\.ps1", script)
    return ".".join(found.groups()) if found else script.removesuffix(".ps1")


def _become(action: dict[str, Any] | None) -> Become | None:
    if action is None:
        return None
    return Become(action["params"]["BecomeUser"], (action.get("secure_params") or {}).get("BecomePassword"))


def _background(framing: dict[str, dict[str, Any]]) -> Async | None:
    if "async_wrapper.ps1" not in framing:
        return None
    params = framing["async_wrapper.ps1"]["params"]
    return Async(params["AsyncDir"], params["AsyncJid"], framing["async_watchdog.ps1"]["params"]["Timeout"])


def _refuse_unknown(actions: list[dict[str, Any]]) -> None:
    for action in actions:
        if action["name"] not in _FRAMING:
            raise NotEmulatedError(f"ansible-core's script {action['name']}")
