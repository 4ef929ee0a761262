# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may name a version and a root, and what may be asked for."""

from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release import engine, params
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError


@pytest.mark.parametrize("version", ["1", "0.65.1", "v2", "2026-11-21_build+7", "x" * 64])
def test_names_that_can_be_used(version):
    assert params.checked_version(version) == version


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("../../etc", id="a way out"),
        pytest.param("", id="empty"),
        pytest.param("9" * 300, id="300 characters"),
        pytest.param("9" * 65, id="one too many"),
        pytest.param("1..2", id="two dots"),
        pytest.param(".hidden", id="a dot first"),
        pytest.param("-rf", id="a dash first"),
        pytest.param("a/b", id="a slash"),
        pytest.param("1.0\n", id="a newline at the end"),
        pytest.param("1\0", id="a zero byte"),
        pytest.param("\uff11", id="a digit that isn't ASCII"),
        pytest.param(None, id="nothing"),
        pytest.param(1.0, id="a number"),
    ],
)
def test_names_that_are_refused_in_few_words(version, tmp_path):
    with pytest.raises(BadInputError) as raised:
        params.checked_version(version)
    assert len(str(raised.value)) < 250
    answer = engine.main({"root": str(tmp_path / "web"), "version": version})
    assert answer["kind"] == "bad_input"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("root", ["/", "//", "/..", "srv/web", "", None, "/srv/../etc", "/a\0b"])
def test_roots_that_are_refused(root):
    assert engine.main({"root": root, "version": "1"})["kind"] == "bad_input"
    assert engine.main({"root": root, "operation": "info"})["kind"] == "bad_input"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"state": "running"}, "none of staged, active, good, bad"),
        ({"url": "http://a/b", "src": "/a"}, "both given"),
        ({"url": "file:///etc/passwd"}, "http:// or https://"),
        ({"url": "http:///x"}, "names a host"),
        ({"src": "a.tar"}, "no absolute path"),
        ({"url": "http://a/b", "sha256": "abc"}, "64 hexadecimal digits"),
        ({"url": "http://a/b"}, "staged with its sha256"),
        ({}, "and its sha256"),
        ({"state": "good", "keep_good": 0}, "no way back"),
        ({"prepare": ["uv sync"]}, "prepare: 'uv sync' is no command: a list of words"),
        ({"activate": [["systemctl"], []]}, "activate: [] is no command"),
        ({"activate": [["sleep", None]]}, "activate: ['sleep', None] is no command"),
        ({"headers": {"X-Token": "secret\r\nHost: a"}}, "headers: X-Token has a line break"),
        ({"retries": -1}, "retries -1 can't be used"),
        ({"fetch_timeout_seconds": 0}, "fetch_timeout_seconds 0 can't be used"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(given, message, tmp_path):
    answer = engine.main({"root": str(tmp_path / "web"), "version": "1", **given})
    assert answer["failed"]
    assert answer["kind"] == "bad_input"
    assert message in answer["msg"]
