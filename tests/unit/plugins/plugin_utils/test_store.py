# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _store

SHA = "a" * 64
GOOD = {"service": "shop", "version": "1", "artifact": "shop-1.tar.gz", "sha256": SHA}

INDEX = {"file": "shop-1.tar.gz.index.gz", "sha256": SHA, "size": 3}


class Store(http.server.BaseHTTPRequestHandler):
    """Answers with what a test has put at a path; a number is a status."""

    answers: dict[str, object] = {}  # noqa: RUF012  # one per test, replaced as a whole

    def do_GET(self) -> None:
        answer = self.answers.get(self.path, 404)
        self.send_response(answer if isinstance(answer, int) else 200)
        self.end_headers()
        if not isinstance(answer, int):
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_manifest_names_where_its_artifact_is(store: str) -> None:
    Store.answers = {"/shop/1/manifest.json": GOOD}
    assert _store.read_manifest(f"{store}/", "shop", "1")["url"] == f"{store}/shop/1/shop-1.tar.gz"


def test_an_index_is_told_by_where_it_is(store: str) -> None:
    Store.answers = {"/shop/1/manifest.json": {**GOOD, "size": 9, "index": INDEX}}
    url = f"{store}/shop/1/shop-1.tar.gz.index.gz"
    assert _store.read_manifest(store, "shop", "1")["index"] == {"url": url, "sha256": SHA, "size": 3}


def test_a_manifest_without_an_index_has_an_empty_one(store: str) -> None:
    Store.answers = {"/shop/1/manifest.json": GOOD}
    assert _store.read_manifest(store, "shop", "1")["index"] == {}


def test_a_version_with_a_plus_is_asked_for_by_its_own_name(store: str) -> None:
    Store.answers = {"/shop/1%2Bfix/manifest.json": {**GOOD, "version": "1+fix"}}
    assert _store.read_manifest(store, "shop", "1+fix")["version"] == "1+fix"


def test_a_release_that_is_not_there_is_refused_with_those_that_are(store: str) -> None:
    Store.answers = {"/shop/": [{"name": "2", "type": "directory"}, {"name": "x.txt", "type": "file"}]}
    with pytest.raises(_store.StoreError, match=r"the store holds no shop 1; it holds: 2$"):
        _store.read_manifest(store, "shop", "1")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(b"<html>", "is no JSON", id="a page"),
        pytest.param([], "is no object", id="a list"),
        pytest.param({**GOOD, "version": "2"}, "is about version '2'", id="another release"),
        pytest.param({**GOOD, "sha256": "abc"}, "has no sha256", id="no checksum"),
        pytest.param({**GOOD, "artifact": "../../x"}, "names no plain file", id="a path"),
        pytest.param({**GOOD, "artifact": "http://x/y"}, "names no plain file", id="an address elsewhere"),
        pytest.param({**GOOD, "index": INDEX}, "names no index", id="an index of an artifact without a size"),
        pytest.param(
            {**GOOD, "size": 9, "index": {**INDEX, "file": "../x"}}, "names no index", id="an index elsewhere"
        ),
        pytest.param({**GOOD, "size": 9, "index": {**INDEX, "size": "3"}}, "names no index", id="an index of no size"),
        pytest.param({**GOOD, "size": 9, "index": "x"}, "names no index", id="an index that is a word"),
        pytest.param(500, "answers 500", id="a store that is ill"),
    ],
)
def test_an_answer_that_can_not_be_trusted_is_refused(store: str, answer: object, message: str) -> None:
    Store.answers = {"/shop/1/manifest.json": answer}
    with pytest.raises(_store.StoreError, match=message):
        _store.read_manifest(store, "shop", "1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("http://127.0.0.1:9", "can't be reached", id="nobody listens"),
        pytest.param("file:///etc", "must begin with http", id="a file"),
        pytest.param("", "must begin with http", id="nothing"),
    ],
)
def test_a_store_that_is_none_is_named(url: str, message: str) -> None:
    with pytest.raises(_store.StoreError, match=message):
        _store.read_manifest(url, "shop", "1")


@pytest.mark.parametrize(
    "url",
    [
        "http://me:word@127.0.0.1:9?signature=word",
        "http://me:word@127.0.0.1",
        "http://me:word@[::",
        "me:word@store",
        "ftp://me:word@store",
    ],
)
def test_no_error_shows_the_secrets_of_a_url(url: str) -> None:
    with pytest.raises(_store.StoreError) as raised:
        _store.read_manifest(url, "shop", "1")
    error: BaseException | None = raised.value
    while error is not None:  # Ansible shows what an error came of as well
        assert "word" not in str(error)
        error = error.__cause__


def test_an_ill_store_is_told_without_the_secrets_of_its_url(store: str) -> None:
    Store.answers = {"/?signature=word/shop/1/manifest.json": 500, "/?signature=word/shop/2/manifest.json": b"<html>"}
    for version in ("1", "2"):
        with pytest.raises(_store.StoreError) as raised:
            _store.read_manifest(f"{store}/?signature=word", "shop", version)
        assert "word" not in str(raised.value)
