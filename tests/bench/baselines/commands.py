# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What pyinfra and Fabric do on a host, and how they reach it.

At its best: one command on each host, which fetches for itself (an upload by SFTP took longer), has curl, sha256sum and
tar do what ours does in Python, and makes nothing sure on the disk. BENCH_GIVEN names the file that says which release.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def given() -> dict[str, Any]:
    return json.loads(Path(os.environ["BENCH_GIVEN"]).read_text(encoding="utf-8"))


def rollout(root: str, told: dict[str, Any]) -> str:
    version = told["version"]
    return (
        f"set -e; mkdir -p {root}/releases/{version}; cd {root}/releases/{version}; "
        f"curl -fsSo ../{version}.tar.gz {told['url']}; "
        f"echo '{told['sha256']}  ../{version}.tar.gz' | sha256sum -c --quiet; "
        f"tar -xzf ../{version}.tar.gz; rm ../{version}.tar.gz; {rollback(root, told)}"
    )


def rollback(root: str, told: dict[str, Any]) -> str:
    return f"ln -sfnT releases/{told['version']} {root}/current"
