# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are below a service's root, and what may name a version."""

from __future__ import annotations

import os
import re

from .errors import BadInputError

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def checked_version(version: object) -> str:
    """``version`` if it can name a folder safely."""
    if not isinstance(version, str) or not _VERSION.fullmatch(version) or ".." in version:
        shown = version if isinstance(version, str) and len(version) <= 80 else f"{str(version)[:60]}..."
        raise BadInputError(
            f"version {shown!r} can't be used: 1 to 64 letters, digits and . _ + -, a letter or digit first, no '..'"
        )
    return version


def checked_root(root: object) -> str:
    """``root`` if it is an absolute path of a folder that may be ours."""
    if not isinstance(root, str) or not root.startswith("/") or "\0" in root or ".." in root.split("/"):
        raise BadInputError(f"root {root!r} can't be used: an absolute path without '..', such as /srv/web")
    normal = os.path.normpath(root)
    if normal in ("/", "//"):
        raise BadInputError("root '/' can't be used: it is to be a folder of the service's own, such as /srv/web")
    return normal


class Layout:
    """The paths below one root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.releases = f"{root}/releases"
        self.records = f"{root}/records"
        self.staging = f"{root}/staging"
        self.shared = f"{root}/shared"
        self.current = f"{root}/current"
        self.activation = f"{root}/activation.json"
        self.fence = f"{root}/fence.json"
        self.lock = f"{root}/.lock"

    def release(self, version: str) -> str:
        return f"{self.releases}/{version}"

    def record(self, version: str) -> str:
        return f"{self.records}/{version}.json"

    def make(self) -> None:
        """Makes the folders that aren't there."""
        for path in (self.root, self.releases, self.records, self.staging, self.shared):
            os.makedirs(path, mode=0o755, exist_ok=True)
