# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gate's test command on a Windows member: stock modules, one after another, through the task's own connection."""

from __future__ import annotations

import base64
import binascii
import contextlib
import ntpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._gate.command import (
    CommandError,
    Ran,
    filled_in,
    last_lines,
)
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import (
    BYTES_LIMIT,
    Collected,
    check_number,
    check_size,
    matches,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError
from ansible_collections.golden.fleet.plugins.plugin_utils._gates import Brought, OnMember
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_member import checked_name
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import (
    ModuleError,
    OverdueError,
    WindowsModules,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_releases import WindowsReleases

_SHOWN = 5


def runner(modules: WindowsModules, windows: Mapping[str, Any] | None) -> OnMember:
    """What runs commands on a Windows member; ``windows`` is the contract's."""

    def run(gate: Mapping[str, Any], values: Mapping[str, str]) -> Brought:
        try:
            return _run(modules, windows, gate, values)
        except ModuleError as error:
            # None of these modules does anything with what the release is made of.
            raise HostError(modules.host, str(error)) from error

    return run


def _run(
    modules: WindowsModules, windows: Mapping[str, Any] | None, gate: Mapping[str, Any], values: Mapping[str, str]
) -> Brought:
    version = values["version"]
    folder = WindowsReleases(modules, windows).folder(version)
    if folder is None:
        raise CommandError(f"the release {version} isn't there")
    with _new_folder(modules) as place:
        given = {**values, "results": place}
        command = filled_in(gate["command"], given)
        variables = {f"FLEET_{name.upper()}": value for name, value in given.items()}
        try:
            ended = modules.in_background(command, folder, gate["timeout_seconds"], variables)
        except OverdueError as error:
            return Ran(None, f"({error})"), Collected([], [])
        return _ended(modules, command, ended), _collect(modules, place, gate["results"])


@contextlib.contextmanager
def _new_folder(modules: WindowsModules) -> Iterator[str]:
    place = str(modules.run("ansible.windows.win_tempfile", state="directory", prefix="golden-fleet-gate-")["path"])
    try:
        yield place
    finally:
        # What an ended command still holds open for a moment is no reason to refuse the member.
        with contextlib.suppress(HostError, ModuleError):
            modules.run("ansible.windows.win_file", path=place, state="absent")


def _ended(modules: WindowsModules, command: Sequence[str], result: Mapping[str, Any]) -> Ran:
    status, said = result.get("rc"), result.get("msg", "")
    if "end" in result and isinstance(status, int):
        return Ran(status, last_lines(f"{result.get('stdout', '')}\n{result.get('stderr', '')}"))
    if isinstance(status, int):
        raise CommandError(f"the command {command[0]} can't be started: {last_lines(str(said))}")
    raise HostError(modules.host, f"win_command: {said or 'it ended without a result'}")


def _collect(modules: WindowsModules, place: str, pattern: str) -> Collected:
    """The files for ``pattern`` below the folder for results, brought here."""
    about = {"paths": [place], "recurse": True, "hidden": True, "file_type": "file", "get_checksum": False}
    found = modules.run("ansible.windows.win_find", **about)
    paths = {_below(place, one): one for one in found.get("files", []) if not one.get("islnk")}
    wanted = sorted(name for name in paths if matches(name, pattern, any_case=True))
    check_number(len(wanted))
    files = []
    left = BYTES_LIMIT
    for name in wanted:
        # What it says of itself spares the way; what comes counts.
        size = paths[name].get("size")
        check_size(name, left - size if isinstance(size, int) else left)
        data = _read(modules, name, str(paths[name]["path"]))
        left -= len(data)
        check_size(name, left)
        files.append((name, data))
    return Collected(files, [] if files else sorted(paths)[:_SHOWN])


def _below(place: str, file: Mapping[str, Any]) -> str:
    """The file's name below the folder for results; the folder's own name tells, as its path has several spellings."""
    _before, found, name = str(file.get("path", "")).partition(f"\\{ntpath.basename(place)}\\")
    if not found:
        raise CommandError(f"the member named {ascii(file.get('path'))[:80]} among the results, which lies elsewhere")
    return checked_name(name.replace("\\", "/"))


def _read(modules: WindowsModules, name: str, path: str) -> bytes:
    try:
        return base64.b64decode(modules.run("ansible.windows.slurp", src=path)["content"], validate=True)
    except (binascii.Error, ValueError, KeyError):
        raise CommandError(f"what the member answered as {name} is no file") from None
