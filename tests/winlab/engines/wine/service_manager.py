# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wine's service manager, asked through Manager.cs, which stays as Wine may end services with its last program."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from pathlib import Path

from ...errors import WindowsError
from .prefix import Prefix, on_z

STOPPED, RUNNING = 1, 4  # as Windows numbers what a service may be
_SOURCE = Path(__file__).with_name("Manager.cs")
_ANSWER_SECONDS = 60
_LOCKED = "(1055)"
RUNTIME = '{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}}}\n'


class ServiceManager:
    """One program that answers as long as this object is kept, in tenths of what one program a question would take."""

    def __init__(self, prefix: Prefix, dotnet: Path) -> None:
        program = prefix.folder / "Manager.exe"
        subprocess.run(["mcs", "-nologo", f"-out:{program}", str(_SOURCE)], check=True, timeout=_ANSWER_SECONDS)
        program.with_suffix(".runtimeconfig.json").write_text(RUNTIME)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            ["wine", str(dotnet), on_z(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**prefix.environment(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
            start_new_session=True,
            text=True,
        )

    def ask(self, *words: str) -> list[str]:
        """The words of the answer; an error of Windows is raised as one."""
        if any(set(word) & set("\t\r\n") for word in words):
            raise WindowsError("The parameter is incorrect. (87)")
        with self._lock:
            told = self._answer("\t".join(words))
        kind, _, rest = told.partition(" ")
        if kind == "error":
            number, _, text = rest.partition(" ")
            raise WindowsError(f"{text.strip()} ({number})")
        return rest.split()

    def _answer(self, line: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # both were asked for
        assert stdout is not None
        late = threading.Timer(_ANSWER_SECONDS, self._process.kill)
        late.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                stdin.write(f"{line}\n")
                stdin.flush()
            told = stdout.readline()
        finally:
            late.cancel()
        if not told:
            raise WindowsError("The RPC server is unavailable. (1722)")
        return told

    def start(self, name: str) -> None:
        """After the services that Wine starts by itself, which keep others waiting."""
        until = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                self.ask("start", name)
                return
            except WindowsError as error:
                if _LOCKED not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def state(self, name: str) -> int:
        return int(self.ask("query", name)[0])

    def process(self, name: str) -> int:
        return int(self.ask("query", name)[1])

    def close(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=_ANSWER_SECONDS)
            return
        self._process.kill()
        self._process.communicate()
