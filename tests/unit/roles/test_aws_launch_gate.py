# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program by which a launched host proves itself, as a process of its own.

Stand-ins answer it: one for the metadata of the instance (IMDSv2), one for Auto Scaling, as moto ends no waiting, and
one for the service on the host.
"""

from __future__ import annotations

import datetime
import http.server
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAM = CHECKOUT / "roles" / "aws_launch_gate" / "files" / "launch_gate"
REGION, INSTANCE, GROUP = "eu-central-1", "i-0123456789abcdef0", "golden-fleet-test-web & more"
ROLE = {"AccessKeyId": "ASIA", "SecretAccessKey": "secret-9f1c", "Token": "session/token=="}


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"launch_gate_{name}", PROGRAM / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class StandIn:
    """Answers HTTP by a function of method, path, headers and body, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str, str, Any, str], tuple[int, str]]) -> None:
        self.asked: list[tuple[str, str, Any, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                request = (self.command, self.path, self.headers, body)
                outer.asked.append(request)
                status, text = answer(*request)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = _handle  # noqa: N815

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Host:
    """An instance: what EC2, its group and its own service answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PROGRAM, folder / "program", ignore=shutil.ignore_patterns("__pycache__"))
        self.role = True
        self.states = ["Pending", "Pending:Wait"]
        self.version = "2"
        self.refusal = ""
        self.metadata = StandIn(self._metadata)
        self.group = StandIn(self._group)
        self.service = StandIn(lambda *_asked: (200, json.dumps({"version": self.version})))

    def _metadata(self, method: str, path: str, headers: Any, _body: str) -> tuple[int, str]:
        if (method, path) == ("PUT", "/latest/api/token"):
            return (200, "a-session") if headers["X-aws-ec2-metadata-token-ttl-seconds"] else (400, "")
        if headers["X-aws-ec2-metadata-token"] != "a-session":
            return 401, ""
        answers = {"instance-id": INSTANCE, "placement/region": REGION}
        if self.role:
            answers |= {"iam/security-credentials/": "web", "iam/security-credentials/web": json.dumps(ROLE)}
        text = answers.get(path.removeprefix("/latest/meta-data/"))
        return (200, text) if text else (404, "")

    def _group(self, _method: str, _path: str, _headers: Any, body: str) -> tuple[int, str]:
        asked = dict(urllib.parse.parse_qsl(body))
        if self.refusal:
            return 403, f"<Error><Code>{self.refusal}</Code><Message>not you</Message></Error>"
        if asked["Action"] == "CompleteLifecycleAction":
            return 200, "<CompleteLifecycleActionResponse/>"
        state = self.states.pop(0) if len(self.states) > 1 else (self.states or [""])[0]
        name = GROUP.replace("&", "&amp;")
        found = f"<AutoScalingGroupName>{name}</AutoScalingGroupName><LifecycleState>{state}</LifecycleState>"
        return (
            200,
            f"<DescribeAutoScalingInstancesResponse>{found if state else ''}</DescribeAutoScalingInstancesResponse>",
        )

    def boot(self, metadata: str = "") -> subprocess.CompletedProcess[str]:
        settings = {
            "port": self.service.port,
            "domain": "web.test",
            "health": {"path": "/health", "status": 200, "version_json": "version", "timeout_seconds": 1},
            "version": "2",
            "hook": "golden-fleet-gates",
            "tell_seconds": 20,
            "endpoints": {"autoscaling": self.group.url, "metadata": metadata or self.metadata.url},
        }
        file = self.folder / "settings.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-I", str(self.folder / "program"), str(file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def told(self) -> list[dict[str, str]]:
        asked = [dict(urllib.parse.parse_qsl(body)) for _method, _path, _headers, body in self.group.asked]
        return [one for one in asked if one["Action"] == "CompleteLifecycleAction"]

    def end(self) -> None:
        for one in (self.metadata, self.group, self.service):
            one.end()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.end()


def test_a_host_that_passes_its_gate_is_let_in(host: Host) -> None:
    done = host.boot()
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = host.told()
    assert (told["LifecycleActionResult"], told["LifecycleHookName"]) == ("CONTINUE", "golden-fleet-gates")
    assert (told["AutoScalingGroupName"], told["InstanceId"]) == (GROUP, INSTANCE)
    assert host.service.asked[0][2]["Host"] == "web.test"
    assert ROLE["SecretAccessKey"] not in done.stdout + done.stderr


def test_a_host_that_does_not_pass_is_given_up(host: Host) -> None:
    host.version = "1"
    done = host.boot()
    assert done.returncode == 1
    assert [one["LifecycleActionResult"] for one in host.told()] == ["ABANDON"]
    assert "version 1 instead of 2" in done.stdout


@pytest.mark.parametrize(
    ("states", "said"),
    [
        pytest.param([""], "no group waits for this host", id="launched by a person"),
        pytest.param(["InService"], "no group waits for this host", id="booted again"),
        pytest.param(["Pending", "InService"], "not waited for any more, it is InService", id="without a hook"),
        pytest.param(["Pending:Wait", "Terminating:Wait"], "it is Terminating:Wait", id="given up meanwhile"),
    ],
)
def test_whom_no_group_waits_for_has_nothing_to_tell(host: Host, states: list[str], said: str) -> None:
    host.states = states
    done = host.boot()
    assert (done.returncode, host.told()) == (0, [])
    assert said in done.stdout


def test_a_host_without_a_role_has_nothing_to_tell(host: Host) -> None:
    host.role = False
    done = host.boot()
    assert (done.returncode, host.group.asked) == (0, [])
    assert "no group that is known of has launched this host" in done.stdout


def test_what_is_no_instance_ends_at_once(host: Host) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        done = host.boot(metadata=url)
    assert (done.returncode, host.group.asked) == (0, [])


def test_a_role_without_the_right_is_told_of(host: Host) -> None:
    host.refusal = "AccessDenied"
    done = host.boot()
    assert done.returncode == 0
    assert "DescribeAutoScalingInstances: AccessDenied: not you" in done.stdout


def test_it_signs_as_botocore_does() -> None:
    auth, awsrequest = pytest.importorskip("botocore.auth"), pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials").Credentials("ASIA", "secret-9f1c", "session/token==")
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    url, body = f"https://autoscaling.{REGION}.amazonaws.com", b"Action=DescribeAutoScalingInstances&Version=2011-01-01"
    ours = load("autoscaling").signed(url, body, REGION, ROLE, now)
    given = {"content-type": ours["content-type"], "host": ours["host"]}
    request = awsrequest.AWSRequest(method="POST", url=f"{url}/", data=body, headers=given)
    request.context["timestamp"] = ours["x-amz-date"]
    signer = auth.SigV4Auth(credentials, "autoscaling", REGION)
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = ROLE["Token"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={signer.signature(text, request)}")
