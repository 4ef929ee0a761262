# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gate's test command on a Windows member: stock modules, one after another, through the task's own connection.

The command runs in the background, as nothing that waits for it over WinRM could end it. What Ansible starts for that
is the parent of all that the command starts, and ``taskkill`` ends the whole tree at the time limit.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ntpath
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError, UnreachableError
from ansible_collections.golden.fleet.plugins.plugin_utils._gates import Brought, OnMember
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_member import checked_name

_POLL_SECONDS = (0.3, 2.0)
# How long a member may be out of reach while the command runs on.
_PATIENCE_SECONDS = 30.0
# Ansible's own limit on what runs in the background only ends the waiting, so it comes after ours.
_SPARE_SECONDS = 60
_SHOWN = 5


class Modules:
    """Runs modules of ansible.windows on the task's host. Raises HostError where that comes to nothing."""

    def __init__(self, action: Any, task_vars: dict[str, Any], member: str) -> None:
        self._action, self._task_vars, self.member = action, task_vars, member

    def run(self, name: str, arguments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The result of a module that did what it was to do."""
        result = self.ask(name, arguments, **more)
        if result.get("failed"):
            raise HostError(self.member, f"{name}: {result.get('msg', 'failed')}")
        return result

    def ask(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        background_seconds: int = 0,
    ) -> dict[str, Any]:
        """The result, whatever it is; of one in the background, how it was started."""
        task = self._action._task
        before = task.async_val, task.environment
        task.async_val = background_seconds
        task.environment = [*(before[1] or []), dict(environment or {})]
        try:
            result = self._action._execute_module(
                module_name=f"ansible.windows.{name}",
                module_args=dict(arguments),
                task_vars=self._task_vars,
                wrap_async=background_seconds > 0,
            )
        except Exception as error:  # the clients of WinRM have exceptions of their own
            raise UnreachableError(self.member, f"can't be reached: {' '.join(str(error).split())}") from error
        finally:
            task.async_val, task.environment = before
        if result.get("unreachable"):
            raise UnreachableError(self.member, f"can't be reached: {result.get('msg', '')}")
        return result

    def connect_anew(self) -> None:
        with contextlib.suppress(Exception):
            self._action._connection.reset()

    def expanded_job_folder(self) -> str:
        return str(self._action.get_shell_option("async_dir", default="%USERPROFILE%\\.ansible_async"))


def runner(modules: Modules, folder_of: Callable[[str], str]) -> OnMember:
    """What runs commands on a Windows member; ``folder_of`` tells where a version's release is."""

    def run(gate: Mapping[str, Any], values: Mapping[str, str]) -> Brought:
        folder = folder_of(values["version"])
        with _new_folder(modules) as place:
            given = {**values, "results": place}
            command = filled_in(gate["command"], given)
            variables = {f"FLEET_{name.upper()}": value for name, value in given.items()}
            ran = _run(modules, command, folder, variables, gate["timeout_seconds"])
            return ran, Collected([], []) if ran.status is None else _collect(modules, place, gate["results"])

    return run


def release_folder(modules: Modules, root: str, version: str) -> str:
    """The folder of the version's release below ``root``: it ends with the first digits of what is in it."""
    wanted = rf"^{re.escape(version)}-[0-9a-f]{{12}}$"
    about = {"paths": [ntpath.join(root, "releases")], "patterns": [wanted], "use_regex": True}
    found = modules.run("win_find", {**about, "file_type": "directory"})
    folders = [str(one["path"]) for one in found["files"]]
    if len(folders) != 1:
        raise CommandError(f"{len(folders)} folders below {root}\\releases are of {version}, and one was wanted")
    return folders[0]


@contextlib.contextmanager
def _new_folder(modules: Modules) -> Iterator[str]:
    place = str(modules.run("win_tempfile", {"state": "directory", "prefix": "golden-fleet-gate-"})["path"])
    try:
        yield place
    finally:
        # What an ended command still holds open for a moment is no reason to refuse the member.
        with contextlib.suppress(HostError):
            modules.ask("win_file", {"path": place, "state": "absent"})


def _run(
    modules: Modules, command: Sequence[str], folder: str, variables: Mapping[str, str], timeout_seconds: int
) -> Ran:
    """Runs the command to its end or its time limit."""
    deadline = time.monotonic() + timeout_seconds
    began = modules.run(
        "win_command",
        {"argv": list(command), "chdir": folder},
        environment=variables,
        background_seconds=timeout_seconds + _SPARE_SECONDS,
    )
    if not isinstance(began.get("ansible_async_watchdog_pid"), int):
        raise HostError(modules.member, "win_command: it was not started in the background")
    about = {"jid": str(began["ansible_job_id"]), "_async_dir": modules.expanded_job_folder()}
    try:
        ended = _wait(modules, about, deadline)
        if ended is None:
            return Ran(None, _end(modules, began["ansible_async_watchdog_pid"]))
    finally:
        with contextlib.suppress(HostError):
            modules.ask("async_status", {"mode": "cleanup", **about})
    return _ended(modules, command, ended)


def _wait(modules: Modules, about: Mapping[str, str], deadline: float) -> dict[str, Any] | None:
    """How the command ended; None where it runs on at the deadline."""
    pause, reached = _POLL_SECONDS[0], time.monotonic()
    while True:
        try:
            status = modules.ask("async_status", {"mode": "status", **about})
            reached = time.monotonic()
            if status.get("finished"):
                return status
        except UnreachableError:
            if time.monotonic() - reached >= _PATIENCE_SECONDS:
                raise
            modules.connect_anew()
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _POLL_SECONDS[1])


def _end(modules: Modules, process: int) -> str:
    """Ends all that the command started; returns what there is to say of it."""
    ended = modules.ask("win_command", {"argv": ["taskkill.exe", "/PID", str(process), "/T", "/F"]})
    if not ended.get("failed"):
        return "(what it said is not known: on Windows that is told when it ends by itself)"
    return last_lines(f"it could not be ended whole: {ended.get('stdout', '')} {ended.get('stderr', '')}")


def _ended(modules: Modules, command: Sequence[str], result: Mapping[str, Any]) -> Ran:
    status, said = result.get("rc"), result.get("msg", "")
    if "end" in result and isinstance(status, int):
        return Ran(status, last_lines(f"{result.get('stdout', '')}\n{result.get('stderr', '')}"))
    if isinstance(status, int):
        raise CommandError(f"the command {command[0]} can't be started: {last_lines(str(said))}")
    raise HostError(modules.member, f"win_command: {said or 'it ended without a result'}")


def _collect(modules: Modules, place: str, pattern: str) -> Collected:
    """The files for ``pattern`` below the folder for results, brought here."""
    about = {"paths": [place], "recurse": True, "hidden": True, "file_type": "file", "get_checksum": False}
    found = modules.run("win_find", about)
    paths = dict(sorted((_below(place, one), one) for one in found["files"] if not one.get("islnk")))
    wanted = [name for name in paths if matches(name, pattern, any_case=True)]
    check_number(len(wanted))
    files = []
    left = BYTES_LIMIT
    for name in wanted:
        check_size(name, left - int(paths[name].get("size") or 0))
        data = _read(modules, name, str(paths[name]["path"]))
        left -= len(data)
        check_size(name, left)
        files.append((name, data))
    return Collected(files, [] if files else list(paths)[:_SHOWN])


def _below(place: str, file: Mapping[str, Any]) -> str:
    """The file's name below the folder for results; the folder's own name tells, as its path has several spellings."""
    _before, found, name = str(file.get("path", "")).partition(f"\\{ntpath.basename(place)}\\")
    if not found:
        raise CommandError(f"the member named {ascii(file.get('path'))[:80]} among the results, which lies elsewhere")
    return checked_name(name.replace("\\", "/"))


def _read(modules: Modules, name: str, path: str) -> bytes:
    try:
        return base64.b64decode(modules.run("slurp", {"src": path})["content"], validate=True)
    except (binascii.Error, ValueError, KeyError):
        raise CommandError(f"what the member answered as {name} is no file") from None
