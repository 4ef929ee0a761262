# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An open-loop HTTP load in a process of its own: ``python -m demo.load --config FILE --out FILE.jsonl``.

Open loop: requests are due at fixed times, whatever became of those before, as with customers who know nothing of each
other; a fleet that stalls is asked on, and latency is measured from when a request was due.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from demo.records import Config, Figures, LoadError, Record, parse_records

CHECKOUT = Path(__file__).resolve().parent.parent


class Load:
    """A load that runs from the start of the ``with`` block to ``stop()`` or to its bound; ends with this process.

    with Load(config, folder) as load:
        ...
        figures = load.stop()
    """

    def __init__(self, config: Config, folder: Path, name: str = "load") -> None:
        self.config = config
        self.records_file = folder / f"{name}.jsonl"
        self._config_file = folder / f"{name}.json"
        self._log_file = folder / f"{name}.log"
        self._process: subprocess.Popen[str] | None = None
        self._figures: Figures | None = None
        self._seen: list[Record] = []
        self._read_to = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Load:
        self._config_file.parent.mkdir(parents=True, exist_ok=True)
        self.records_file.unlink(missing_ok=True)
        self._config_file.write_text(self.config.to_json(), encoding="utf-8")
        command = [sys.executable, "-m", "demo.load", "--config", str(self._config_file.resolve())]
        command += ["--out", str(self.records_file.resolve()), "--until-stdin-closes"]
        with self._log_file.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True,  # an interrupt at the terminal is for the one who started it to pass on
            )  # fmt: skip
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with contextlib.suppress(LoadError):
            self.stop()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def records(self) -> list[Record]:
        """What has been recorded up to now, oldest first; cheap to ask often."""
        with self._lock:
            if self.records_file.exists():
                with self.records_file.open("rb") as file:
                    file.seek(self._read_to)
                    text = file.read()
                whole = text[: text.rfind(b"\n") + 1]
                self._read_to += len(whole)
                self._seen.extend(parse_records(whole.decode()))
            return list(self._seen)

    def stop(self) -> Figures:
        """Ends the load, waits for the answers that are under way, and adds up. A second call answers the same."""
        if self._figures is not None:
            return self._figures
        if self._process is None:
            raise LoadError("the load was never started")
        try:
            # Closing its standard input is what stops it.
            answer, _ = self._process.communicate(timeout=self.config.timeout_seconds + 20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise LoadError(f"the load did not stop; its log is {self._log_file}") from None
        if self._process.returncode != 0:
            last = self._log_file.read_text(encoding="utf-8").splitlines()[-1:]
            raise LoadError(f"the load ended with {self._process.returncode}: {' '.join(last)} ({self._log_file})")
        self._figures = Figures.of(self.records(), json.loads(answer))
        return self._figures


def main(arguments: list[str] | None = None) -> int:
    """The load's own process: prints facts of itself at its end."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m demo.load", description="An open-loop HTTP load")
    parser.add_argument("--config", type=Path, required=True, help="JSON, see demo.records.Config")
    parser.add_argument("--out", type=Path, required=True, help="gets one line of JSON per request")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the one who started it is gone")
    given = parser.parse_args(arguments)
    from demo.generator import run  # aiohttp is for the load's own process alone

    try:
        config = Config.from_json(given.config.read_text(encoding="utf-8"))
    except (LoadError, OSError, ValueError) as error:
        parser.error(str(error))
    print(json.dumps(run(config, given.out, tied=given.until_stdin_closes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
