# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an instance is told of itself by EC2, in sessions (IMDSv2)."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

_URL = "http://169.254.169.254"
_TRIES, _TRY_SECONDS, _PAUSE_SECONDS = 3, 2.0, 1.0


class NoInstanceError(Exception):
    """This host is no instance, or one without a role. Says what was seen."""


class Metadata:
    """``instance`` and ``region`` of this host, and the credentials of its role. NoInstanceError where it is none."""

    def __init__(self, url: str | None = None) -> None:
        self._url = url or _URL
        # Never by a proxy: what is asked for are credentials.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = self._ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "3600"})
        self.instance = self._get("instance-id")
        self.region = self._get("placement/region")

    def credentials(self) -> dict[str, str]:
        """The role's credentials as they are now: they are changed every few hours."""
        role = self._get("iam/security-credentials/").split("\n")[0]
        return json.loads(self._get(f"iam/security-credentials/{role}"))

    def _get(self, path: str) -> str:
        return self._ask("GET", f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": self._token})

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self._url + path, method=method, headers=headers)  # noqa: S310  # of our own settings
        for left in reversed(range(_TRIES)):
            try:
                with self._opener.open(request, timeout=_TRY_SECONDS) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                raise NoInstanceError(f"{path}: HTTP {error.code}") from error
            except OSError as error:
                # The network may be a moment behind.
                if not left or isinstance(getattr(error, "reason", error), ConnectionRefusedError):
                    raise NoInstanceError(f"{path}: {getattr(error, 'reason', error)}") from error
            time.sleep(_PAUSE_SECONDS)
        raise AssertionError("unreachable")
