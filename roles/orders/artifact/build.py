# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills RELEASE_OUT with one release of orders: Orders.exe, compiled by mcs, which gives the same bytes each time.

A version that ends in ``+broken`` or ``-broken`` gives a discount one piece too late: it starts and is healthy, and its
suite fails. It is built only when it is asked for by name, to show that a gate holds it back.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BROKEN = ("+broken", "-broken")
# What .NET Core runs the program with, where there is no .NET Framework; that doesn't look at it.
FRAMEWORK = {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
RUNTIME = {"runtimeOptions": {"framework": FRAMEWORK, "rollForward": "LatestMajor"}}


def defines(version: str) -> list[str]:
    """The symbols that the sources of this version are compiled with."""
    numbers = re.match(r"(\d+)\.(\d+)\.\d+", version)
    if not numbers:
        sys.exit(f"orders has versions such as 1.0.0, not {version}")
    symbols = ["SHOWS_DISCOUNT"] if (int(numbers[1]), int(numbers[2])) >= (1, 1) else []
    return symbols + (["BROKEN"] if version.endswith(BROKEN) else [])


def build(version: str, out: pathlib.Path) -> None:
    options = [f"-define:{symbol}" for symbol in defines(version)]
    with tempfile.TemporaryDirectory() as scratch:
        named = pathlib.Path(scratch, "Version.cs")
        named.write_text(f'[assembly: System.Reflection.AssemblyInformationalVersion("{version}")]\n')
        sources = [*sorted(HERE.glob("*.cs")), named]
        command = ["mcs", "-nologo", "-warnaserror", "-optimize", *options]
        try:
            done = subprocess.run(  # noqa: S603  # each argument is a constant or a path of ours
                [*command, f"-out:{out / 'Orders.exe'}", *map(str, sources)],
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            sys.exit("mcs isn't there; Debian has it in mono-mcs, which tools/setup --lab installs")
    if done.returncode:
        sys.exit(f"mcs can't compile it:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    (out / "Orders.runtimeconfig.json").write_text(json.dumps(RUNTIME) + "\n")


if __name__ == "__main__":
    build(os.environ["RELEASE_VERSION"], pathlib.Path(os.environ["RELEASE_OUT"]))
