# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two things that a launched host asks Auto Scaling, with nothing but Python's own library.

boto3 would bring a hundred megabytes to each image. Signatures are AWS's version 4:
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import html
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

_TRIES, _TRY_SECONDS = 6, 10.0
_SERVICE, _VERSION = "autoscaling", "2011-01-01"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


class ApiError(Exception):
    """Auto Scaling refuses, or doesn't answer. Says what was seen."""


class Found(NamedTuple):
    """The group that this instance is in, and how far its launch is."""

    group: str
    state: str


class AutoScaling:
    def __init__(self, metadata, url: str | None = None) -> None:
        self._metadata = metadata
        domain = "amazonaws.com.cn" if metadata.region.startswith("cn-") else "amazonaws.com"
        self._url = url or f"https://{_SERVICE}.{metadata.region}.{domain}"

    def found(self) -> Found | None:
        """Where this instance is; None where it is in no group."""
        asked = {"InstanceIds.member.1": self._metadata.instance}
        text = self._ask("DescribeAutoScalingInstances", asked)
        group, state = (_value(text, name) for name in ("AutoScalingGroupName", "LifecycleState"))
        return Found(group, state) if group else None

    def complete(self, found: Found, hook: str, result: str) -> None:
        """Ends the waiting of the hook."""
        self._ask(
            "CompleteLifecycleAction",
            {
                "AutoScalingGroupName": found.group,
                "InstanceId": self._metadata.instance,
                "LifecycleActionResult": result,
                "LifecycleHookName": hook,
            },
        )

    def _ask(self, action: str, asked: dict[str, str]) -> str:
        body = urllib.parse.urlencode({"Action": action, "Version": _VERSION, **asked}).encode()
        why = ""
        for attempt in range(_TRIES):
            time.sleep(min(8.0, 2.0 ** (attempt - 1)) if attempt else 0)
            headers = signed(self._url, body, self._metadata.region, self._metadata.credentials(), _now())
            request = urllib.request.Request(f"{self._url}/", data=body, headers=headers)  # noqa: S310  # of our settings
            try:
                with urllib.request.urlopen(request, timeout=_TRY_SECONDS) as answer:  # noqa: S310
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                text = error.read().decode(errors="replace")
                why = f"{_value(text, 'Code') or f'HTTP {error.code}'}: {_value(text, 'Message')}"
                if error.code < 500 and "Throttling" not in why:
                    break
            except OSError as error:
                why = str(getattr(error, "reason", error))
        raise ApiError(f"{action}: {why}")


def signed(url: str, body: bytes, region: str, credentials: dict[str, str], now: datetime.datetime) -> dict[str, str]:
    """The headers of a POST of a form to the root of ``url``, with the signature among them."""
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    host = urllib.parse.urlsplit(url).netloc
    headers = {"content-type": _FORM, "host": host, "x-amz-date": stamp}
    if credentials.get("Token"):
        headers["x-amz-security-token"] = credentials["Token"]
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{_SERVICE}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials['SecretAccessKey']}".encode()
    for part in (day, region, _SERVICE, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    said = f"Credential={credentials['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {said}"}


def _value(text: str, name: str) -> str:
    """What an element of an answer holds; its answers here are flat enough for that."""
    match = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return html.unescape(match[1]) if match else ""


def _now() -> datetime.datetime:
    return datetime.datetime.now(tz=datetime.timezone.utc)
