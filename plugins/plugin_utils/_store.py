# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an artifact store says of a release; the store's answers are checked before anything stands on them."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from ansible_collections.golden.fleet.plugins.module_utils._release.fetch import without_secrets

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_ANSWER_LIMIT = 1_000_000
_TIMEOUT_SECONDS = 10


class StoreError(Exception):
    """The store is down, holds no such release, or says something that can't be trusted."""


def read_manifest(store: str, service: str, version: str) -> dict[str, Any]:
    """The manifest of a release in the store at the URL ``store``, with the ``url`` of its artifact added.

    Its ``index`` has the ``url``, ``sha256`` and ``size`` of what tells the artifact's pieces apart, or nothing.
    Raises StoreError; for a release that is not there, with the list of those that are.
    """
    folder = f"{store.rstrip('/')}/{quote(service)}/{quote(version)}"
    body = _get(f"{folder}/manifest.json")
    if body is None:
        known = ", ".join(list_versions(store, service)) or "none"
        raise StoreError(f"the store holds no {service} {version}; it holds: {known}")
    manifest = _parse(body, f"{folder}/manifest.json")
    _check(manifest, service, version)
    index = manifest.get("index")
    if index:
        index = {"url": f"{folder}/{quote(index['file'])}", "sha256": index["sha256"], "size": index["size"]}
    return {**manifest, "url": f"{folder}/{quote(manifest['artifact'])}", "index": index or {}}


def list_versions(store: str, service: str) -> list[str]:
    """The versions of a service in the store, by name; empty where the store has no such service."""
    url = f"{store.rstrip('/')}/{quote(service)}/"
    body = _get(url)
    entries = _parse(body, url) if body is not None else []
    return sorted(str(entry["name"]) for entry in entries if entry.get("type") == "directory")


def _get(url: str) -> bytes | None:
    """The body behind ``url``, or None where there is none (404)."""
    if not url.startswith(("http://", "https://")):
        raise StoreError("artifact_store_url must begin with http:// or https://")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # scheme checked above
            return answer.read(_ANSWER_LIMIT)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise StoreError(f"the artifact store answers {error.code} for {without_secrets(url)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # What isn't the network's is about the URL, and would show it whole.
        reason = getattr(error, "reason", error) if isinstance(error, OSError) else "that URL can't be used"
        raise StoreError(f"the artifact store can't be reached: {without_secrets(url)}: {reason}") from None


def _parse(body: bytes, url: str) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise StoreError(f"{without_secrets(url)} is no JSON: {body[:80]!r}") from error


def _check(manifest: Any, service: str, version: str) -> None:
    """Refuses a manifest that is about another release, or whose words could lead elsewhere."""
    if not isinstance(manifest, dict):
        raise StoreError(f"the manifest of {service} {version} is no object")
    for key, wanted in {"service": service, "version": version}.items():
        if manifest.get(key) != wanted:
            raise StoreError(f"the manifest of {service} {version} is about {key} {manifest.get(key)!r}")
    if not _SHA256.fullmatch(str(manifest.get("sha256", ""))):
        raise StoreError(f"the manifest of {service} {version} has no sha256: {manifest.get('sha256')!r}")
    if not _FILE.fullmatch(str(manifest.get("artifact", ""))):
        raise StoreError(f"the manifest of {service} {version} names no plain file: {manifest.get('artifact')!r}")
    if manifest.get("index") and not _is_index(manifest["index"], manifest.get("size")):
        raise StoreError(f"the manifest of {service} {version} names no index that can be used: {manifest['index']!r}")


def _is_index(index: Any, artifact_size: Any) -> bool:
    return (
        isinstance(index, dict)
        and bool(_FILE.fullmatch(str(index.get("file", ""))))
        and bool(_SHA256.fullmatch(str(index.get("sha256", ""))))
        and all(isinstance(size, int) and size > 0 for size in (index.get("size"), artifact_size))
    )
