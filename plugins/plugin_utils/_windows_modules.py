# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stock modules run on one Windows host by an action, one round trip each, over the one connection that it has."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import CommandError
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import UnreachableError

_POLL_SECONDS = (0.3, 2.0)
# How long a host may be out of reach while a command runs on.
_PATIENCE_SECONDS = 30.0
# Ansible's own limit for what runs in the background ends the waiting and not the command, so it comes after ours.
_SPARE_SECONDS = 60
# How long a shell in which something hangs may take to be closed.
_CLOSE_SECONDS = 10.0
# The one error of a connection that winrm doesn't raise as such.
_SEND_FAILED = "winrm send_input failed"


class ModuleError(Exception):
    """A module failed; the message is the module's own."""


class OverdueError(Exception):
    """A command was ended, or a module not waited for any longer, at a time limit. Says what else is known of that."""


class _Rung(BaseException):
    """The time is over. No error as the others are: what lies between is not to catch it."""


def is_windows(connection: Any) -> bool:
    """Whether what is at the other end understands PowerShell and not sh."""
    return bool(getattr(connection._shell, "_IS_WINDOWS", False))


class WindowsModules:
    """Runs modules for ``action`` on the host that its task is about, or is delegated to."""

    def __init__(self, action: Any, task_vars: Mapping[str, Any]) -> None:
        self._action, self._task_vars = action, dict(task_vars)
        self.host = str(action._task.delegate_to or task_vars["inventory_hostname"])

    def run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The module's result. Raises ModuleError where it failed, UnreachableError where nobody answered."""
        return _succeeded(self._asked(module, arguments))

    def run_quietly(self, module: str, **arguments: Any) -> dict[str, Any]:
        """As ``run``, and the host's event log has nothing of the arguments."""
        return _succeeded(self._asked(module, arguments, no_log=True))

    def run_within(self, seconds: float, module: str, **arguments: Any) -> dict[str, Any]:
        """As ``run``, with both sides of the ``diff``. Raises OverdueError where there is no answer within the time.

        What hangs then ends with its shell, as far as the host has it so: who wants to know how it stands asks it.
        """
        answer = None
        try:
            with _alarm(seconds) as rung:
                answer = self._asked(module, arguments, diff=True)
        except (_Rung, Exception):
            # Libraries tidy up on the way out, and may fail at that; what rang first counts.
            if not rung.is_set():
                raise
        if answer is None:
            self._close_shell()
            raise OverdueError(f"{module.rpartition('.')[2]} gave no answer within {seconds:.3g} s")
        return _succeeded(answer)

    def command(self, words: list[str], folder: str, timeout_seconds: float) -> None:
        """Runs a command in a folder, ended after the time with what it started; raises CommandError."""
        shown = " ".join(words)
        try:
            result = self.in_background(words, folder, timeout_seconds)
        except OverdueError as error:
            limit = f"the time limit of {timeout_seconds:.3g} s is over"
            what = f"was ended, with what it had started as far as taskkill finds it: {limit}"
            raise CommandError(f"{shown}: {what}; {error}") from error
        if result.get("failed"):
            raise CommandError(f"{shown}: {_said(result)}")

    def in_background(
        self,
        words: Sequence[str],
        folder: str,
        timeout_seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The result of win_command in a folder. At the time limit it is ended, with what it started: OverdueError.

        Nothing that waits for it over WinRM could end it, so it runs in the background, as with ``async`` on a task:
        the process that Ansible starts for that is the parent of all, and ``taskkill`` ends the tree below it, which
        is not what has lost its parent.
        """
        deadline = time.monotonic() + timeout_seconds
        job = self._asked(
            "ansible.windows.win_command",
            {"argv": list(words), "chdir": folder},
            background_seconds=math.ceil(timeout_seconds) + _SPARE_SECONDS,
            environment=environment,
        )
        if not job.get("ansible_job_id"):
            return job
        jobs = self._action.get_shell_option("async_dir", default=r"%USERPROFILE%\.ansible_async")
        about = {"jid": job["ansible_job_id"], "_async_dir": jobs}
        ended = self._waited(about, deadline)
        said = "" if ended else self._end(job)
        with contextlib.suppress(UnreachableError):
            self._asked("ansible.windows.async_status", {**about, "mode": "cleanup"})
        if not ended:
            raise OverdueError(said)
        return ended

    def _waited(self, about: Mapping[str, str], deadline: float) -> dict[str, Any] | None:
        """How the command ended; None where it runs on at the deadline."""
        pause, reached = _POLL_SECONDS[0], time.monotonic()
        while True:
            try:
                result = self._asked("ansible.windows.async_status", {**about, "mode": "status"})
                reached = time.monotonic()
                if result.get("finished") or result.get("failed"):
                    return result
            except UnreachableError:
                # It runs on, whoever asks for it.
                if time.monotonic() - reached >= _PATIENCE_SECONDS:
                    raise
                self._connect_anew()
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _POLL_SECONDS[1])

    def _end(self, job: Mapping[str, Any]) -> str:
        """Ends all that the command started; returns what there is to say of it."""
        words = ["taskkill.exe", "/PID", str(job.get("ansible_async_watchdog_pid")), "/T", "/F"]
        result = self._asked("ansible.windows.win_command", {"argv": words})
        if result.get("failed"):
            return f"what of it could not be ended: {_said(result)}"
        return "what it said is not known, as Windows tells that of commands that end by themselves"

    def _connect_anew(self) -> None:
        # Whatever fails here fails again, and is told, with the next module.
        with contextlib.suppress(Exception):
            self._action._connection.reset()

    def _close_shell(self) -> None:
        with contextlib.suppress(Exception, _Rung), _alarm(_CLOSE_SECONDS):
            self._action._connection.close()
        with contextlib.suppress(_Rung), _alarm(_CLOSE_SECONDS):
            self._connect_anew()

    def _asked(
        self,
        module: str,
        arguments: Mapping[str, Any],
        *,
        background_seconds: int = 0,
        environment: Mapping[str, str] | None = None,
        no_log: bool = False,
        diff: bool = False,
    ) -> dict[str, Any]:
        task = self._action._task
        before = {name: getattr(task, name) for name in ("async_val", "environment", "no_log", "diff")}
        task.async_val, task.environment = background_seconds, [*(task.environment or []), dict(environment or {})]
        task.no_log, task.diff = task.no_log or no_log, task.diff or diff
        try:
            return dict(
                self._action._execute_module(
                    module_name=module,
                    module_args=dict(arguments),
                    task_vars=self._task_vars,
                    wrap_async=background_seconds > 0,
                )
            )
        except AnsibleConnectionFailure as error:
            raise UnreachableError(self.host, f"can't be reached: {_one_line(error)}") from error
        except Exception as error:
            if isinstance(error, AnsibleError) and _SEND_FAILED not in str(error):
                # Of this side, such as a collection that is missing here: it says nothing of the host.
                raise
            # Where a connection breaks in mid-answer, winrm and psrp let through whatever the libraries below them
            # raise, and those have no class in common.
            raise UnreachableError(self.host, f"broke off in {module}: {_one_line(error)}") from error
        finally:
            for name, value in before.items():
                setattr(task, name, value)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[threading.Event]:
    """Raises _Rung in the block once the time is over, and sets what it yields.

    A task's own ``timeout`` uses the same timer: where that comes first it is left alone, else it goes on afterwards.
    """
    rung = threading.Event()

    def ring(*_signal: Any) -> None:
        rung.set()
        raise _Rung

    began, theirs = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < theirs <= seconds:
        yield rung
        return
    handler = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
            yield rung
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler)
        if theirs:
            signal.setitimer(signal.ITIMER_REAL, max(theirs - (time.monotonic() - began), 0.001))


def _succeeded(result: dict[str, Any]) -> dict[str, Any]:
    if result.get("failed"):
        raise ModuleError(_said(result))
    return result


def _said(result: Mapping[str, Any]) -> str:
    """Why a module failed: its message, and the end of what a command printed."""
    printed = str(result.get("stderr") or result.get("stdout") or "").strip()[-500:]
    return " | ".join(part for part in (_one_line(result.get("msg")), _one_line(printed)) if part) or "failed"


def _one_line(text: Any) -> str:
    return " ".join(str(text or "").split())
