# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds a release's artifact on the controller: the service's own recipe fills a folder, which becomes an archive and
a manifest. The same recipe gives the same bytes, and one that didn't change isn't run again."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._files import atomic_write_json, locked, read_json
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact_archive import (
    INDEX_SUFFIX,
    SUFFIXES,
    ArchiveError,
    pack,
    tree,
)

_BUILD_LIMIT_SECONDS = 1800


class ArtifactError(Exception):
    """A recipe that can't be run, or that failed; with the end of what it said."""


def inputs(contract: Mapping[str, Any], version: str) -> dict[str, str]:
    """What the artifact is made from, as digests: where they are the same, so is the artifact.

    The recipe is the folder artifact/ of the service, or the service's whole folder where there is none.
    """
    folder = pathlib.Path(contract["folder"])
    recipe = folder / "artifact" if (folder / "artifact").is_dir() else folder
    said = contract["artifact"]
    digest = hashlib.sha256(json.dumps([contract["service"], version, said["build"], said["format"]]).encode())
    for path, name in tree(recipe):
        if path.is_file() and "__pycache__" not in name:
            digest.update(f"\0{name}\0{os.access(path, os.X_OK):d}\0".encode() + path.read_bytes())
    return {"recipe": digest.hexdigest()}


def current(target: pathlib.Path, wanted: Mapping[str, str]) -> dict[str, Any] | None:
    """The manifest in the folder ``target``, where it was made from ``wanted`` and its artifact is as it says."""
    manifest = read_json(str(target / "manifest.json"))
    if not isinstance(manifest, dict) or manifest.get("inputs") != wanted:
        return None
    promised = {str(manifest.get("artifact")): manifest.get("sha256")}
    if manifest.get("index"):
        promised[manifest["index"]["file"]] = manifest["index"]["sha256"]
    whole = all((target / file).is_file() and _sha256(target / file) == sha256 for file, sha256 in promised.items())
    return manifest if whole else None


def build(contract: Mapping[str, Any], version: str, target: pathlib.Path) -> tuple[dict[str, Any], bool]:
    """Sees to it that the folder ``target`` holds the artifact and its manifest; returns that, and whether it built."""
    wanted = inputs(contract, version)
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(
        str(target.parent / f".{version}.lock"), wait_seconds=_BUILD_LIMIT_SECONDS, holder="a build of the same release"
    ):
        found = current(target, wanted)
        if found:
            return found, False
        kind = contract["artifact"]["format"]
        name = f"{contract['service']}-{version}{SUFFIXES[kind]}"
        with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as scratch:
            out, made = pathlib.Path(scratch, "out"), pathlib.Path(scratch, "made")
            out.mkdir()
            made.mkdir()
            _run(contract, version, out)
            try:
                packed = pack(out, made / name, kind)
            except ArchiveError as error:
                raise ArtifactError(f"{contract['service']} {version}: {error}") from error
            manifest = _manifest(contract["service"], version, made / name, packed, wanted)
            atomic_write_json(str(made / "manifest.json"), manifest)
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)
    return manifest, True


def _run(contract: Mapping[str, Any], version: str, out: pathlib.Path) -> None:
    service, folder = contract["service"], contract["folder"]
    command = [sys.executable if word == "{python}" else word for word in contract["artifact"]["build"]]
    if not command:
        raise ArtifactError(f"{service} has no recipe: its contract.yml says nothing at artifact.build")
    given = {"RELEASE_SERVICE": service, "RELEASE_VERSION": version, "RELEASE_OUT": str(out)}
    environment = {**os.environ, **given, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        result = subprocess.run(  # noqa: S603  # the contract's own command, as a list
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_BUILD_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArtifactError(f"{service} {version}: its recipe can't be run: {error}") from error
    said = result.stdout.decode(errors="replace").strip()[-2000:] or "nothing"
    if result.returncode:
        raise ArtifactError(f"{service} {version}: its recipe ended with status {result.returncode} and said: {said}")
    if not any(out.iterdir()):
        raise ArtifactError(f"{service} {version}: its recipe left RELEASE_OUT empty and said: {said}")


def _manifest(
    service: str, version: str, artifact: pathlib.Path, packed: Mapping[str, int], made_from: Mapping[str, str]
) -> dict[str, Any]:
    index = artifact.with_name(artifact.name + INDEX_SUFFIX)
    indexed = {"file": index.name, "sha256": _sha256(index), "size": index.stat().st_size} if index.exists() else None
    return {
        "service": service,
        "version": version,
        "artifact": artifact.name,
        "sha256": _sha256(artifact),
        "size": artifact.stat().st_size,
        **packed,
        **({"index": indexed} if indexed else {}),
        "built_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "inputs": dict(made_from),
    }


def _sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
