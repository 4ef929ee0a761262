# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills RELEASE_OUT with one release of datasette: its wheels, its database, and what it reads at its start.

A version that ends in ``+broken`` is that release with an empty table of countries: it starts and answers, and its
test suite fails. It is built only when it is asked for by name, to show that a gate holds it back.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import database

HERE = pathlib.Path(__file__).resolve().parent
BROKEN = "+broken"
# The hosts': Debian 12 on x86_64. Named, so that a controller with another Python builds the same artifact.
TARGET = ["--python-version=3.11", "--implementation=cp", "--abi=cp311"]
TARGET += [f"--platform={name}_x86_64" for name in ("manylinux_2_36", "manylinux_2_28", "manylinux2014")]


def download(lock: pathlib.Path, folder: pathlib.Path, target: list[str]) -> None:
    """The wheels that the lock names, with the hashes that it names, and nothing else."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ]
    result = subprocess.run(  # noqa: S603  # each argument is a constant or a path of ours
        [*command, *target, f"--dest={folder}", f"--requirement={lock}"], capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"pip can't download what {lock.name} names:\n{result.stderr[-2000:]}")


def lock_of(version: str) -> pathlib.Path:
    lock = HERE / "locks" / f"{version}.txt"
    if not lock.exists():
        known = ", ".join(sorted(path.stem for path in lock.parent.glob("[0-9]*.txt")))
        sys.exit(f"datasette {version} has no lock; there are {known}. README.md says how one is made.")
    return lock


def build(version: str, out: pathlib.Path) -> None:
    broken = version.endswith(BROKEN)
    lock = lock_of(version.removesuffix(BROKEN))
    download(lock, out / "wheels", TARGET)
    shutil.copy(lock, out / "requirements.txt")
    with tempfile.TemporaryDirectory() as scratch:
        download(HERE / "locks" / "data.txt", pathlib.Path(scratch), [])
        (wheel,) = pathlib.Path(scratch).glob("pycountry-*.whl")
        inspected = database.make(wheel, out / "codes.db", empty=["countries"] if broken else [])
    (out / "inspect-data.json").write_text(json.dumps(inspected, indent=1))
    release = {"service": os.environ["RELEASE_SERVICE"], "version": version}
    (out / "release.json").write_text(json.dumps(release))
    for name in ("metadata.json", "settings.json"):
        shutil.copy(HERE / name, out / name)
    (out / "plugins").mkdir()
    shutil.copy(HERE / "plugins" / "release.py", out / "plugins" / "release.py")


if __name__ == "__main__":
    build(os.environ["RELEASE_VERSION"], pathlib.Path(os.environ["RELEASE_OUT"]))
