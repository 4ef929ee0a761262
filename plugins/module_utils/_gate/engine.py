# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way in: runs one test command in a release's folder on the member, and answers with the results that it left."""

from __future__ import annotations

import base64
import os
import pathlib
import pwd
import shutil
import signal
import sys
import tempfile
from typing import Any

from .command import CommandError, environment, filled_in, run
from .files import LimitError, collect

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(params: dict[str, Any]) -> dict[str, Any]:
    """``params``: command, folder, results (a pattern), values (of placeholders and variables), timeout_seconds.

    Answers with ``status`` (null at the time limit), ``tail`` and ``files``, or with ``error``.
    """
    os.umask(0o022)
    # Whoever ends this politely is not to leave the folder behind.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    place = tempfile.mkdtemp(prefix="golden-fleet-gate-")
    try:
        return _ran(params, place)
    except (CommandError, LimitError) as error:
        return {"error": str(error)}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _ran(params: dict[str, Any], place: str) -> dict[str, Any]:
    values = {**params["values"], "results": place}
    given = {"PATH": _PATH, "HOME": _home()}
    command = filled_in(params["command"], values)
    ran = run(command, pathlib.Path(params["folder"]), environment(given, values), params["timeout_seconds"])
    answer: dict[str, Any] = {"status": ran.status, "tail": ran.tail, "files": [], "beside": []}
    if ran.status is not None:
        found = collect(place, params["results"])
        answer["files"] = [[name, base64.b64encode(data).decode()] for name, data in found.files]
        answer["beside"] = found.beside
    return answer


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
