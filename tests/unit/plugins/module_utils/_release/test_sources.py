# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Relays are asked before the store, and passed by where they are down, cut, stall or say something else."""

from __future__ import annotations

import os
import socket

import pytest


@pytest.fixture
def staged(release, make_artifact, store, relay):
    """Stages one release by relays; the relay has what the store has."""
    artifact = make_artifact("v1", {"a": os.urandom(200_000), "b": b"b"})
    store.content = relay.content = artifact.content

    def run(*relays, **params):
        given = {"url": store.url, "sha256": artifact.sha256, "relays": list(relays), "retries": 0, **params}
        return release("v1", "staged", fetch_timeout_seconds=1.0, **given)

    return run


def nobody():
    """A port that takes no connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def asked(server):
    return [(request["path"], request.get("Range")) for request in server.requests]


def test_the_relay_brings_it_and_the_store_is_left_alone(staged, store, relay):
    result = staged(relay.base)
    assert result["changed"], result
    assert f"by {relay.base}" in result["msg"]
    assert (asked(store), asked(relay)) == ([], [("/web/web.tar.gz", None)])


def test_a_relay_that_is_down_is_passed_by(staged, store, relay):
    down = nobody()
    result = staged(down, relay.base)
    assert result["changed"], result
    assert f"by {relay.base} (passed by: {down}" in result["msg"]
    assert asked(store) == []


def test_what_a_relay_brought_before_it_died_is_kept(staged, store, relay):
    relay.faults = [("cut", 100_000), ("status", 503)]
    result = staged(relay.base)
    assert result["changed"], result
    assert "answered 503" in result["msg"]
    assert asked(store) == [("/web/web.tar.gz", "bytes=100000-")]


def test_a_relay_that_broke_off_in_the_middle_is_asked_again_before_the_store(staged, store, relay):
    relay.faults = [("cut", 70_000), ("stall", 70_000)]
    result = staged(relay.base)
    assert f"by {relay.base}" in result["msg"], result
    assert [wanted for _path, wanted in asked(relay)] == [None, "bytes=70000-", "bytes=140000-"]
    assert asked(store) == []


@pytest.mark.parametrize("fault", [("status", 404), ("status", 502), ("stall", 10), ("redirect", 0)])
def test_a_relay_that_has_no_answer_is_passed_by(staged, store, relay, fault):
    # The redirect leads to the same server under another name, which answers; nobody is told of it.
    relay.faults = [fault]
    assert staged(relay.base)["changed"]
    assert len(store.requests) == (0 if fault[0] == "redirect" else 1)


def test_a_relay_that_says_something_else_is_not_believed(staged, store, relay, root):
    relay.content = os.urandom(50_000)
    result = staged(relay.base)
    assert result["changed"], result
    assert f"{relay.base}: another content than was promised" in result["msg"]
    assert (root / "releases" / "v1" / "b").read_bytes() == b"bv1"


def test_a_relay_that_never_ends_is_passed_by(staged, store, relay):
    relay.content = os.urandom(3_000_000)
    result = staged(relay.base, max_bytes=1_000_000)
    assert result["changed"], result
    assert "the limit is 1000000" in result["msg"]


def test_a_token_is_for_the_store_alone(staged, store, relay):
    assert staged(relay.base, headers={"X-Token": "secret"})["changed"]
    assert asked(relay) == []
    assert store.requests[0]["X-Token"] == "secret"


@pytest.mark.parametrize("secret", ["{base}/web/web.tar.gz?signature=secret", "http://me:secret@{host}/web/web.tar.gz"])
def test_a_url_with_a_secret_is_for_the_store_alone(staged, store, relay, secret):
    url = secret.format(base=store.base, host=store.base.partition("//")[2])
    # Whether it is understood is the store's affair; no relay hears of it, and no answer holds it.
    assert "secret" not in staged(relay.base, url=url)["msg"]
    assert asked(relay) == []


def test_where_the_store_says_something_else_too_it_is_refused(staged, store, relay):
    store.content = relay.content = os.urandom(1000)
    result = staged(relay.base)
    assert (result["failed"], result["kind"]) == (True, "checksum")


def test_with_everybody_down_the_error_names_the_store(staged, store, relay):
    store.faults = relay.faults = [("status", 503)] * 5
    result = staged(relay.base)
    assert (result["failed"], result["kind"]) == (True, "fetch")
    assert store.url in result["msg"]


def test_what_is_no_url_is_refused(staged):
    result = staged("file:///etc")
    assert (result["kind"], result["msg"]) == (
        "bad_input",
        "relays can't be used: it begins with http:// or https:// and names a host",
    )
