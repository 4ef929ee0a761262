# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills RELEASE_OUT with one release of Swagger UI: the newest UI that this version of swagger-ui-bundle carries."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
VENDOR = "swagger_ui_bundle/vendor"
# Of the bundle, what a browser asks for; not the maps and modules for those who build upon it.
WANTED = (
    "*.html",
    "*.css",
    "*.png",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
)


def download(lock: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The wheel that the lock names, with a hash that it names."""
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
        [*command, f"--dest={folder}", f"--requirement={lock}"], capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"pip can't download what {lock.name} names:\n{result.stderr[-2000:]}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def newest_ui(folder: pathlib.Path) -> pathlib.Path:
    """The folder of the newest UI: 3.52.0 goes before 2.2.10."""
    return max(
        folder.glob("swagger-ui-*"), key=lambda path: [int(part) for part in path.name.split("-")[-1].split(".")]
    )


def build(version: str, out: pathlib.Path) -> None:
    lock = HERE / "locks" / f"{version}.txt"
    if not lock.exists():
        known = ", ".join(sorted(path.stem for path in lock.parent.glob("*.txt")))
        sys.exit(f"swagger_ui {version} has no lock; there are {known}. README.md says how one is made.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        with zipfile.ZipFile(download(lock, folder)) as wheel:
            wheel.extractall(folder)
        found = newest_ui(folder / VENDOR)
        for file in sorted({file for pattern in WANTED for file in found.glob(pattern)}):
            shutil.copyfile(file, out / file.name)
    release = {"service": os.environ["RELEASE_SERVICE"], "version": version, "swagger_ui": found.name.split("-")[-1]}
    (out / "release.json").write_text(json.dumps(release))


if __name__ == "__main__":
    build(os.environ["RELEASE_VERSION"], pathlib.Path(os.environ["RELEASE_OUT"]))
