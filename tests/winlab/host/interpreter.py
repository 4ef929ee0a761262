# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does what a payload means on a host, and writes it to the host's log."""

from __future__ import annotations

import base64
import hashlib
import json
import ntpath
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import payload, sidecar
from ..errors import DroppedError, FidelityError, NotEmulatedError, WindowsError
from ..wsman import Answer, Command
from .log import Entry

if TYPE_CHECKING:
    from . import Host


class Interpreter:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._jobs = 7000
        self._running: set[int] = set()
        self._lock = threading.Lock()

    def execute(self, command: Command) -> Answer:
        try:
            meaning = payload.decode(command)
        except NotEmulatedError as error:
            return self._refused(error, command)
        if isinstance(meaning, payload.Module):
            return self._module(meaning, command.by)
        return self._other(meaning, command)

    def _refused(self, error: Exception, command: Command) -> Answer:
        self._host.not_emulated.append(str(error))
        self._host.log.add(Entry("refused", str(error), command.by))
        return Answer([], f"{error}\n", 1)

    def _other(self, meaning: payload.Meaning, command: Command) -> Answer:
        doers: dict[type, Callable[[Any], Answer]] = {
            payload.PutFile: self._put,
            payload.FetchFile: self._fetch,
            payload.MakeTemporary: self._make_temporary,
            payload.ExpandUser: self._expand_user,
            payload.Script: self._script,
        }
        kind = type(meaning)
        entry = Entry(_WORDS[kind], _title(meaning), command.by)
        try:
            answer = doers[kind](meaning)
        except NotEmulatedError as error:
            return self._refused(error, command)
        except WindowsError as error:
            answer = Answer([], f"{error}\n", 1)
        entry.result = {"rc": answer.rc, "stderr": answer.error}
        self._host.log.add(entry)
        return answer

    # files

    def _put(self, wanted: payload.PutFile) -> Answer:
        data = b"".join(wanted.pieces())
        self._host.disk.write(wanted.path, data)
        return Answer([json.dumps({"sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest()})])

    def _fetch(self, wanted: payload.FetchFile) -> Answer:
        disk = self._host.disk
        if disk.is_folder(wanted.path):
            return Answer(["[DIR]"])
        if not disk.exists(wanted.path):
            return Answer([], f"{wanted.path} does not exist\n", 1)
        data = disk.read(wanted.path)
        if wanted.offset is not None:
            piece = data[wanted.offset : wanted.offset + wanted.size]
            return Answer([base64.b64encode(piece).decode()] if piece else [])
        pieces = range(0, len(data), wanted.size)
        return Answer(["[FILE]", *(base64.b64encode(data[at : at + wanted.size]).decode() for at in pieces)])

    def _make_temporary(self, wanted: payload.MakeTemporary) -> Answer:
        path = ntpath.join(self._host.disk.expand(wanted.folder), wanted.name)
        self._host.disk.make_folder(path)
        return Answer([self._host.disk.normal(path)])

    def _expand_user(self, wanted: payload.ExpandUser) -> Answer:
        home = self._host.environment["USERPROFILE"]
        if wanted.path == "~":
            return Answer([home])
        return Answer([ntpath.join(home, wanted.path[2:]) if wanted.path.startswith("~\\") else wanted.path])

    def _script(self, wanted: payload.Script) -> Answer:
        said = self._host.answers.find(self._host, wanted.text)
        if said is None:
            raise NotEmulatedError(f"the script {wanted.text!r} has no answer (host.answers.say)")
        return Answer(said.stdout.splitlines(), said.stderr, said.rc)

    # modules

    def _module(self, module: payload.Module, by: str) -> Answer:
        short = module.name.rpartition(".")[2]
        self._host.hazards.pass_by(short)
        result = self._begin_job(module, by) if module.background else self._run(module, by)
        self._host.hazards.pass_by(short, after=True)
        return Answer([json.dumps(result)], rc=1 if result.get("failed") else 0)

    def _run(self, module: payload.Module, by: str) -> dict[str, Any]:
        began = time.monotonic()
        self._host.hazards.dawdle(module.name.rpartition(".")[2])
        result = self._outcome(module)
        entry = Entry("module", module.name, by, dict(module.arguments), module.check, result=dict(result))
        entry.become = module.become.user if module.become else None
        entry.background = module.background is not None
        entry.seconds = time.monotonic() - began
        secret = module.become.password if module.become else None
        self._host.log.add(entry, no_log=module.no_log, secrets=(secret,) if secret else ())
        return result

    def _outcome(self, module: payload.Module) -> dict[str, Any]:
        from ..modules import Call, ModuleFailure, find  # the handlers know the host

        try:
            handler = find(module.name)
            described = sidecar.load(module.name, module.path)
            given, private = handler.split(module.arguments, described.options)
            call = Call(self._host, module, described.arguments(given), private)
            for option in described.given(given):
                if not handler.models(option):
                    raise NotEmulatedError(f"{module.name} with {option}")
            result = {"changed": False, **handler.run(call)}
            described.check_result(result, handler.extra)
            if module.name.startswith("microsoft.iis."):
                self._host.follow_sites()
        except (NotEmulatedError, FidelityError) as error:
            self._host.not_emulated.append(str(error))
            return {"failed": True, "changed": False, "msg": str(error)}
        except sidecar.ArgumentError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        except ModuleFailure as error:
            return {"failed": True, "changed": False, **error.result, "msg": str(error)}
        except WindowsError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        except DroppedError:
            raise
        except Exception as error:  # a fault of winlab's, said in the task and not lost on a thread
            self._host.not_emulated.append(repr(error))
            return {"failed": True, "changed": False, "msg": f"winlab: {module.name}: {type(error).__name__}: {error}"}
        return result

    def _begin_job(self, module: payload.Module, by: str) -> dict[str, Any]:
        """Asynchronous: the job's file says that it has begun, a thread says how it ended."""
        background = module.background
        assert background is not None
        self._jobs += 4
        job = f"{background.job}.{self._jobs}"
        disk = self._host.disk
        disk.make_folder(background.folder)
        file = ntpath.join(disk.normal(background.folder), job)
        begun = {
            "started": True,
            "finished": False,
            "results_file": file,
            "ansible_job_id": job,
            "_ansible_suppress_tmpdir_delete": True,
            "ansible_async_watchdog_pid": self._jobs,
        }
        disk.write(file, json.dumps(begun).encode())
        self._running.add(self._jobs)
        work = threading.Thread(target=self._job, args=(module, by, file, begun), daemon=True)
        work.start()
        return begun

    def _job(self, module: payload.Module, by: str, file: str, begun: dict[str, Any]) -> None:
        result: dict[str, Any] = {}
        work = threading.Thread(target=lambda: result.update(self._run(module, by)), daemon=True)
        work.start()
        assert module.background is not None
        work.join(module.background.timeout_seconds)
        if work.is_alive():
            result = {"failed": True, "msg": "failure during async watchdog: timed out waiting for module completion"}
        if not self.end_job(begun["ansible_async_watchdog_pid"]):
            return
        whole = {**begun, **result, "finished": True}
        # Written beside and moved: a status that is asked for meanwhile reads the old file or the new one.
        self._host.disk.write(f"{file}.new", json.dumps(whole).encode())
        self._host.disk.real(f"{file}.new").replace(self._host.disk.real(file))

    def end_job(self, process: int) -> bool:
        """Whether the job was running until now."""
        with self._lock:
            running = process in self._running
            self._running.discard(process)
        return running


_WORDS = {
    payload.PutFile: "put_file",
    payload.FetchFile: "fetch_file",
    payload.MakeTemporary: "make_temporary",
    payload.ExpandUser: "expand_user",
    payload.Script: "script",
}


def _title(meaning: payload.Meaning) -> str:
    if isinstance(meaning, payload.Script):
        return meaning.name or meaning.text
    if isinstance(meaning, payload.MakeTemporary):
        return ntpath.join(meaning.folder, meaning.name)
    return getattr(meaning, "path", "")
