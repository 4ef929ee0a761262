# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which releases to build, and what their publication in an artifact store comes to. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any


def releases(contracts: Sequence[Mapping[str, Any]], version: str = "") -> list[dict[str, Any]]:
    """Each release to build, with its ``contract`` and ``version``.

    Of each service those that its contract names, or ``version`` of the one service that was asked for. A service
    without a recipe has its artifacts from elsewhere.
    """
    if version and len(contracts) != 1:
        raise ValueError(f"version {version} is of which service? Give both, or neither: -e service=... -e version=...")
    return [
        {"contract": contract, "version": wanted}
        for contract in contracts
        for wanted in ([version] if version else contract["artifact"]["versions"])
        if version or contract["artifact"]["build"]
    ]


def publication(built: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]], replace: bool = False) -> dict:
    """What to do with the built releases, given the manifests that a store holds of them (slurped, in the same order).

    The answer's ``missing`` are to be brought in, and its ``differing`` are held with other content. What the store
    made of the same recipe stays, even if this controller's tools packed other bytes out of it.
    """
    missing, differing = [], []
    for release, found in zip(built, held):
        manifest = release["manifest"]
        there = json.loads(base64.b64decode(found["content"])) if "content" in found else None
        if there and manifest["sha256"] != there.get("sha256") and manifest["inputs"] != there.get("inputs"):
            differing.append(release)
        elif not there:
            missing.append(release)
    return {"missing": missing + differing if replace else missing, "differing": [] if replace else differing}
