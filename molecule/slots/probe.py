#!/usr/bin/env python3
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``probe.py FOLDER``: five releases of the service `pages` of the integration tests, each with its sha256."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "tests/integration/atomic_service/roles/pages/artifact/build.py"
VERSIONS = "12345"


def build(version: str, archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = {"RELEASE_VERSION": version, "RELEASE_OUT": folder}
        subprocess.run([sys.executable, BUILD], env={**os.environ, **given}, check=True)  # noqa: S603  # our own
        with tarfile.open(archive, "w") as packed:
            packed.add(folder, arcname=".")
    archive.with_name(f"{archive.name}.sha256").write_text(hashlib.sha256(archive.read_bytes()).hexdigest())


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    for name in VERSIONS:
        build(name, place / f"{name}.tar")
