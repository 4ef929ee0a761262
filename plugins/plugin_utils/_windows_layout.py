# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a service's releases are on a Windows host, and what is recorded of them: pure, no host is asked here.

The record is one value of the registry, which is written whole or not at all and outlives a power cut; a file that the
stock modules write is neither. Why there is no ``current``: docs/decisions/windows_releases.md.
"""

from __future__ import annotations

import json
import ntpath
import re
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.golden.fleet.plugins.module_utils._names import check_version
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError, DiskError
from ansible_collections.golden.fleet.plugins.module_utils._release.found import Found

REGISTRY_KEY = r"HKLM:\SOFTWARE\golden.fleet"
# A single plain name. Windows drops a dot at the end, so none is allowed there.
_FOLDER = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9_+-])?"
_FIELDS = ("sha256", "staged_at", "good_at", "bad_at", "reason")


class Switched(NamedTuple):
    """What a switch changes on the host: a service's program, or a site's folder."""

    root: str
    service: str
    executable: str
    arguments: list[str]
    site: str
    pool: str
    folder: str
    prepare: list[list[str]]
    activate: list[list[str]]

    def release(self, version: str, sha256: str) -> str:
        """The folder of a release. The digest makes one that was half unpacked by a dead run safe to unpack over."""
        return rf"{self.root}\releases\{version}-{sha256[:12]}"

    def command_line(self, release: str) -> str:
        """The service's path as the service manager takes it, with each word quoted where it must be."""
        return f'"{release}\\{self.executable}"' + "".join(f" {_quoted(word)}" for word in self.arguments)

    def site_folder(self, release: str) -> str:
        return ntpath.join(release, self.folder) if self.folder else release


class Recorded(NamedTuple):
    """What the registry says of the releases below one root."""

    found: Found
    struck: list[str]  # folders of releases that were pruned, which go before the next one is staged

    def says_active(self, version: str) -> bool:
        """Whether the last switch that was carried through was to this version."""
        return self.found.active == version and self.found.activation_done

    def unfinished(self) -> Recorded:
        """As if the last switch had only begun."""
        return self.replaced(self.found._replace(activation={**self.found.activation, "done_at": None}))

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever switched here by a release."""
        return not self.found.activation

    def replaced(self, found: Found) -> Recorded:
        return self._replace(found=found)

    def text(self) -> str:
        found = self.found
        releases = {name: {key: one[key] for key in _FIELDS} for name, one in found.releases.items()}
        told = {"number": found.number, "activation": found.activation, "releases": releases, "struck": self.struck}
        return json.dumps(told, separators=(",", ":"))


def switched(given: Mapping[str, Any] | None) -> Switched:
    """The contract's ``windows``, checked; raises BadInputError."""
    if not given:
        raise BadInputError("this is a Windows host, and the contract says nothing of those: it needs the key windows")
    root = str(given.get("root") or "").rstrip("\\")
    if not re.fullmatch(r"[A-Za-z]:(\\[^\\/:*?\"<>|]+)+", root) or ".." in root.split("\\"):
        raise BadInputError(rf"windows.root {root!r} can't be used: an absolute path such as C:\srv\web")
    service, site = str(given.get("service") or ""), str(given.get("site") or "")
    if bool(service) == bool(site):
        raise BadInputError("windows wants exactly one of service and site: what a switch changes")
    executable = str(given.get("executable") or "")
    if service and not executable:
        raise BadInputError("windows.executable is missing: the service's program inside the release")
    for name, path in (("executable", executable), ("folder", str(given.get("folder") or ""))):
        if path and (ntpath.isabs(path) or ":" in path or ".." in re.split(r"[\\/]", path)):
            raise BadInputError(f"windows.{name} {path!r} can't be used: a path inside the release")
    return Switched(
        root=root,
        service=service,
        executable=executable.replace("/", "\\"),
        arguments=[str(word) for word in given.get("arguments") or []],
        site=site,
        pool=str(given.get("pool") or site),
        folder=str(given.get("folder") or "").replace("/", "\\"),
        prepare=[[str(word) for word in command] for command in given.get("prepare") or []],
        activate=[[str(word) for word in command] for command in given.get("activate") or []],
    )


def recorded(text: str | None, root: str) -> Recorded:
    """What the value of the registry says; all of it empty where there is none."""
    try:
        told = json.loads(text) if text else {}
        releases = {
            check_version(name): {**dict.fromkeys(_FIELDS), **record, "version": name}
            for name, record in told.get("releases", {}).items()
        }
        activation, struck = dict(told.get("activation") or {}), [str(one) for one in told.get("struck", [])]
        number = int(told.get("number", 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise DiskError(f"the record of {root} in {REGISTRY_KEY} can't be read: {error}") from None
    active = activation.get("version")
    found = Found(active if active in releases else None, activation, number, releases)
    # It is about to be removed: what somebody wrote into the registry may not name another place.
    place = re.compile(re.escape(rf"{root}\releases") + rf"\\{_FOLDER}", re.IGNORECASE)
    return Recorded(found, [one for one in struck if place.fullmatch(one)])


def _quoted(word: str) -> str:
    return subprocess.list2cmdline([word])
