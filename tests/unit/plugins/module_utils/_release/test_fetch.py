# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching from a real store that is down, slow, or cuts in the middle."""

from __future__ import annotations

import hashlib
import os
import socket

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import FetchError
from ansible_collections.golden.fleet.plugins.module_utils._release.fetch import without_secrets
from ansible_collections.golden.fleet.plugins.module_utils._release.sources import Sources

CONTENT = os.urandom(300_000)


@pytest.fixture
def fetched(store, tmp_path):
    store.content = CONTENT
    path = tmp_path / "artifact"

    def run(url=store.url, retries=2, timeout_seconds=5.0, max_bytes=1_000_000, headers=None):
        asked = {
            "url": url,
            "headers": headers or {},
            "retries": retries,
            "fetch_timeout_seconds": timeout_seconds,
            "relays": [],
        }
        sha256, size = Sources(asked).whole(url, str(path), max_bytes)
        assert (sha256, size) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
        return path.read_bytes()

    return run


def ranges(store):
    return [request.get("Range") for request in store.requests]


def test_one_request_brings_it(store, fetched):
    assert fetched(headers={"X-Token": "secret"}) == CONTENT
    assert [request["X-Token"] for request in store.requests] == ["secret"]


def test_it_goes_on_where_it_was_cut(store, fetched):
    store.faults = [("cut", 100_000), ("cut", 70_000)]
    assert fetched() == CONTENT
    assert ranges(store) == [None, "bytes=100000-", "bytes=170000-"]


def test_a_store_that_knows_no_ranges_is_asked_for_all_of_it(store, fetched):
    store.faults = [("cut", 100_000), ("no ranges", 0)]
    assert fetched() == CONTENT


def test_an_artifact_that_was_replaced_meanwhile_is_fetched_from_its_start(store, fetched):
    store.faults = [("cut", 100_000), ("status", 503)]
    store.etag = '"two"'
    assert fetched() == CONTENT


def test_it_begins_anew_where_the_store_gives_no_firm_tag(store, fetched):
    store.etag = 'W/"weak"'
    store.faults = [("cut", 100_000)]
    assert fetched() == CONTENT
    assert ranges(store) == [None, None]


def test_progress_earns_new_attempts(store, fetched):
    store.faults = [("cut", 70_000)] * 4
    assert fetched(retries=1) == CONTENT


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_store_that_has_trouble_is_asked_again(store, fetched, status):
    store.faults = [("status", status)] * 2
    assert fetched() == CONTENT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_store_that_says_no_is_not_asked_again(store, fetched, status):
    store.faults = [("status", status)]
    with pytest.raises(FetchError, match=f"answered {status}"):
        fetched()
    assert len(store.requests) == 1


def test_a_store_that_stays_in_trouble_is_given_up(store, fetched):
    store.faults = [("status", 503)] * 9
    with pytest.raises(FetchError, match=r"answered 503 .*gave up after 3 attempts"):
        fetched()
    assert len(store.requests) == 3


def test_a_store_that_is_down_is_named(store, fetched):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match=f"http://127.0.0.1:{port}/a: can't be reached: .*refused"):
        fetched(f"http://127.0.0.1:{port}/a")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(("stall", 1000), id="nothing more comes"),
        pytest.param(("trickle", 20), id="a byte now and then"),
    ],
)
def test_a_store_that_stalls_is_given_up(store, fetched, fault):
    store.faults = [fault] * 2
    with pytest.raises(FetchError, match="stalled"):
        fetched(retries=1, timeout_seconds=0.2)


def test_it_goes_on_after_a_stall(store, fetched):
    store.faults = [("stall", 100_000)]
    assert fetched(timeout_seconds=0.2) == CONTENT
    assert ranges(store) == [None, "bytes=100000-"]


def test_more_than_the_limit_is_refused_before_it_is_read(store, fetched):
    with pytest.raises(FetchError, match="300000 bytes or more, and the limit is 1000"):
        fetched(max_bytes=1000)


def test_a_redirect_is_followed_without_the_secret(store, fetched):
    store.faults = [("redirect", 0)]
    assert fetched(headers={"X-Token": "secret"}) == CONTENT
    assert [(request["path"], request.get("X-Token")) for request in store.requests] == [
        ("/web/web.tar.gz", "secret"),
        ("/elsewhere", None),
    ]


def test_a_message_holds_no_secret_of_the_url():
    assert without_secrets("https://me:word@store:8443/a/b.tar?signature=1#x") == "https://store:8443/a/b.tar"
