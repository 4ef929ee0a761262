# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stages a release: fetched, verified, unpacked and prepared out of sight, then renamed into place in one step."""

from __future__ import annotations

import os
import time
from typing import Any

from .._files import atomic_write_json, sync_directory, sync_filesystem
from .artifact import bring
from .commands import run_all
from .found import Found
from .layout import Layout
from .plan import staged
from .removal import remove


def stage(layout: Layout, found: Found, params: dict[str, Any], now: str) -> str:
    """Stages the release; whatever goes wrong, it is wholly there or not at all. Returns what was done."""
    version = params["version"]
    work = f"{layout.staging}/{version}.{os.getpid()}.{time.time_ns()}"
    os.mkdir(work, 0o755)
    try:
        tree = f"{work}/tree"
        came = bring(layout, found, params, f"{work}/artifact", tree)
        run_all(
            params["prepare"],
            stage="prepare",
            root=layout.root,
            path=tree,
            version=version,
            timeout_seconds=params["prepare_timeout_seconds"],
        )
        sync_filesystem(tree)
        record = staged(found, version, params["sha256"].lower(), now).releases[version]
        atomic_write_json(layout.record(version), record)
        os.rename(tree, layout.release(version))
        sync_directory(layout.releases)
    except BaseException:
        if not os.path.isdir(layout.release(version)):
            remove(layout.record(version))
        raise
    finally:
        remove(work)
    return f"staged {version} {came}"
