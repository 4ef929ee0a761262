# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_uri, win_get_url, win_wait_for: real requests and real connections, made for the host."""

from __future__ import annotations

import base64
import hashlib
import json
import ntpath
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

from ..errors import NotEmulatedError
from . import Call, ModuleFailure, Result, handles
from .files import checksum

_LOCAL = {"localhost", "127.0.0.1", "::1"}
# Of the web_request fragment: what a request here can't do.
_NOT_EMULATED = ("client_cert", "proxy_url", "use_default_credential", "proxy_use_default_credential")


def _reach(call: Call, url: str) -> tuple[str, str]:
    """Where a URL leads when it is asked on the host, whose localhost is an address of its own."""
    parts = urlsplit(url)
    if (parts.hostname or "").lower() not in _LOCAL or call.host.address in _LOCAL:
        return url, parts.netloc
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=call.host.address + port)), parts.netloc


class _Response:
    def __init__(self, status: int, reason: str, headers: dict[str, str], body: bytes, url: str) -> None:
        self.status, self.reason, self.headers, self.body, self.url = status, reason, headers, body, url


def _request(call: Call, url: str, method: str, body: bytes | None = None, content_type: str = "") -> _Response:
    for name in _NOT_EMULATED:
        if call.arguments.get(name):
            raise NotEmulatedError(f"{name}")
    place, host = _reach(call, url)
    if urlsplit(place).scheme not in ("http", "https"):
        raise NotEmulatedError(f"a URL like {url}")
    request = urllib.request.Request(place, data=body, method=method)  # noqa: S310  # http and https alone
    request.add_header("Host", host)
    for name, value in (call.arguments.get("headers") or {}).items():
        request.add_header(name, str(value))
    if content_type:
        request.add_header("Content-Type", content_type)
    if call.arguments.get("url_username"):
        _basic(request, call)
    context = None if call.arguments.get("validate_certs", True) else ssl._create_unverified_context()  # noqa: S323
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), *_redirects(call)
    )
    try:
        with opener.open(request, timeout=float(call.arguments.get("url_timeout") or 30)) as answer:
            return _Response(answer.status, answer.reason, dict(answer.headers), answer.read(), url)
    except urllib.error.HTTPError as error:
        return _Response(error.code, error.reason, dict(error.headers), error.read(), url)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_anything: object) -> None:
        return None


def _redirects(call: Call) -> list[urllib.request.BaseHandler]:
    return [_NoRedirect()] if call.arguments.get("follow_redirects") == "none" else []


def _basic(request: urllib.request.Request, call: Call) -> None:
    pair = f"{call['url_username']}:{call.arguments.get('url_password') or ''}"
    request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())


_HARMLESS = ("http_agent", "use_proxy", "maximum_redirection", "force_basic_auth")


@handles("ansible.windows.win_uri", extra=("*",), ignored=_HARMLESS)  # every header comes back as a key
def win_uri(call: Call) -> Result:
    disk, began = call.host.disk, time.monotonic()
    told: Result = {"changed": False, "elapsed": 0.0, "url": call["url"]}
    if call["creates"] and disk.exists(call["creates"]):
        return {**told, "skipped": True, "msg": f"The 'creates' file or directory ({call['creates']}) already exists."}
    if call["removes"] and not disk.exists(call["removes"]):
        return {**told, "skipped": True, "msg": f"The 'removes' file or directory ({call['removes']}) does not exist."}
    body = call["body"]
    if body is not None:
        body = (json.dumps(body) if isinstance(body, (dict, list)) else str(body)).encode()
    try:
        answer = _request(call, call["url"], call["url_method"], body, call["content_type"] or "")
    except OSError as error:
        told["elapsed"] = time.monotonic() - began
        raise ModuleFailure(
            f"Unhandled exception occurred when sending web request. Exception: {_why(error)}", **told
        ) from None
    told.update(elapsed=time.monotonic() - began, **_answered(call, answer))
    if call["dest"]:
        told["changed"] = _store(call, call["dest"], answer.body)
    _check_status(call, answer, told)
    return told


def _answered(call: Call, answer: _Response) -> Result:
    told: Result = {
        "status_code": answer.status,
        "status_description": answer.reason,
        "content_length": len(answer.body),
        "content_type": answer.headers.get("Content-Type", ""),
        "method": call["url_method"],
        "response_uri": call["url"],
    }
    if call["return_content"]:
        told["content"] = answer.body.decode("utf-8", "replace")
        if "json" in told["content_type"] or "javascript" in told["content_type"]:
            told["json"] = json.loads(told["content"] or "null")
    return told


def _store(call: Call, path: str, data: bytes) -> bool:
    """Writes where it is another content; says whether it is."""
    disk = call.host.disk
    changed = not disk.exists(path) or disk.read(path) != data
    if changed and call.live:
        disk.write(path, data)
    return changed


def _check_status(call: Call, answer: _Response, told: Result) -> None:
    wanted = [int(code) for code in call["status_code"]]
    if answer.status not in wanted:
        listed = " ".join(str(code) for code in wanted)
        raise ModuleFailure(
            f"Status code of request '{answer.status}' is not in list of valid status codes {listed} : "
            f"{answer.reason}'.",
            **told,
        )


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ConnectionRefusedError):
        return 'Exception calling "GetResponse" with "0" argument(s): "Unable to connect to the remote server"'
    if isinstance(reason, (TimeoutError, socket.timeout)):
        return 'Exception calling "GetResponse" with "0" argument(s): "The operation has timed out"'
    return f'Exception calling "GetResponse" with "0" argument(s): "{reason}"'


@handles("ansible.windows.win_get_url", ignored=_HARMLESS)
def win_get_url(call: Call) -> Result:
    disk, url, algorithm = call.host.disk, call["url"], call["checksum_algorithm"]
    told: Result = {"changed": False, "elapsed": 0.0, "url": url}
    target = _target(call, told)
    told["dest"] = target
    wanted = (call["checksum"] or _published_checksum(call) or "").lower()
    have = checksum(disk, target, algorithm) if disk.exists(target) else ""
    if have and ((wanted and wanted == have) or (not wanted and not call["force"] and not _newer(call, target))):
        return {**told, "checksum_dest": have, "size": disk.real(target).stat().st_size}
    answer = _download(call, target, told)
    source = hashlib.new(algorithm, answer.body, usedforsecurity=False).hexdigest()
    told["checksum_src"] = source
    if wanted and wanted != source:
        raise ModuleFailure(f"The checksum for {url} did not match '{wanted}', it was '{source}'", **told)
    told["changed"] = _store(call, target, answer.body)
    if disk.exists(target):
        told.update(checksum_dest=checksum(disk, target, algorithm), size=disk.real(target).stat().st_size)
    return {**told, "msg": answer.reason}


def _target(call: Call, told: Result) -> str:
    """A folder takes the file by its name in the URL; the folder must be there."""
    disk, target = call.host.disk, call.host.disk.normal(call["dest"])
    if disk.is_folder(target) or call["dest"].endswith(("/", "\\")):
        target = ntpath.join(target, ntpath.basename(urlsplit(call["url"]).path))
    if not disk.is_folder(ntpath.dirname(target)):
        raise ModuleFailure(
            f"The path '{ntpath.dirname(target)}' does not exist for destination '{target}', or is not visible to the "
            "current user.  Ensure download destination folder exists (perhaps using win_file state=directory) before "
            "win_get_url runs.",
            **told,
        )
    return target


def _download(call: Call, target: str, told: Result) -> _Response:
    url, began = call["url"], time.monotonic()
    try:
        answer = _request(call, url, call.arguments.get("url_method") or "GET")
    except OSError as error:
        raise ModuleFailure(f"Error downloading '{url}' to '{target}': {_why(error)}", **told) from None
    told.update(status_code=answer.status, elapsed=time.monotonic() - began)
    if answer.status >= 400:
        raise ModuleFailure(
            f"Error downloading '{url}' to '{target}': The remote server returned an error: ({answer.status}) "
            f"{answer.reason}.",
            **told,
        )
    return answer


def _published_checksum(call: Call) -> str | None:
    """From a file of checksums at ``checksum_url``, by the name of what is fetched."""
    if not call["checksum_url"]:
        return None
    text = _request(call, call["checksum_url"], "GET").body.decode()
    name = ntpath.basename(urlsplit(call["url"]).path)
    for line in text.splitlines():
        words = line.split()
        if words and (len(words) == 1 or words[-1].lstrip("*./").endswith(name)):
            return words[0]
    raise ModuleFailure(f"Checksum record not found for file name '{name}' in file from url: '{call['checksum_url']}'")


def _newer(call: Call, target: str) -> bool:
    stamp = _request(call, call["url"], "HEAD").headers.get("Last-Modified")
    return stamp is not None and parsedate_to_datetime(stamp).timestamp() > call.host.disk.real(target).stat().st_mtime


@handles("ansible.windows.win_wait_for")
def win_wait_for(call: Call) -> Result:
    if call["port"] is not None and call["path"]:
        raise ModuleFailure("port and path parameter can not both be passed to win_wait_for")
    if call["state"] == "drained":
        raise NotEmulatedError("win_wait_for state=drained")
    began, attempts = time.monotonic(), 0
    time.sleep(call["delay"] or 0)
    wanted = call["state"] in ("started", "present")
    while call["port"] is not None or call["path"]:
        attempts += 1
        if _there(call) == wanted:
            break
        if time.monotonic() - began > call["timeout"]:
            raise ModuleFailure(_late(call, wanted), elapsed=time.monotonic() - began, wait_attempts=attempts)
        time.sleep(call["sleep"])
    return {"changed": False, "elapsed": time.monotonic() - began, "wait_attempts": attempts}


def _there(call: Call) -> bool:
    if call["path"]:
        disk = call.host.disk
        if not disk.exists(call["path"]) or not call["regex"]:
            return disk.exists(call["path"])
        return bool(re.search(call["regex"], disk.read_text(call["path"])))
    address = call.host.address if call["host"].lower() in _LOCAL else call["host"]
    try:
        with socket.create_connection((address, call["port"]), call["connect_timeout"]):
            return True
    except OSError:
        return False


def _late(call: Call, wanted: bool) -> str:
    if call["path"]:
        return f"timeout while waiting for file {call['path']} to be {'present' if wanted else 'absent'}"
    return f"timeout while waiting for {call['host']}:{call['port']} to {'start' if wanted else 'stop'} listening"
