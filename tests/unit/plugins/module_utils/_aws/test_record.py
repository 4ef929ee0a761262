# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import base64
import hashlib
import json
import zlib

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import RecordError, from_tags, to_tags

RECORD = {
    "releases": [{"version": "0.65.5", "sha256": "9f86d081" * 8}],
    "base": "ami-0123456789abcdef0",
    "inputs": {f"roles/python_app/tasks/file{number}.yml": f"{number:016x}" for number in range(80)},
    "packages": {f"package-{number}": f"1.{number}-2+deb12u{number % 7}" for number in range(350)},
    "why": ["there is no good image of it yet"],
    "made_by": "ana@ops",
    "proof": {"passed": True, "message": "üben: 5 passed"},
}


def tags_of(text: bytes, count: str | None = None) -> dict[str, str]:
    """Tags as an image has them, with these bytes for the record."""
    packed = base64.b64encode(zlib.compress(text)).decode()
    return {"golden.fleet.record": count or "1", "golden.fleet.record.00": packed}


def test_a_record_comes_back_as_it_was() -> None:
    tags = to_tags(RECORD)
    assert from_tags({**tags, "Name": "somebody's"}) == RECORD
    assert len(tags) <= 39
    assert all(len(value) <= 256 for value in tags.values())


def test_what_an_earlier_record_left_behind_is_not_read() -> None:
    assert from_tags({**to_tags(RECORD), **to_tags({"base": "ami-1"})}) == {"base": "ami-1"}


def test_a_record_that_does_not_fit_is_refused_with_what_is_in_it() -> None:
    packages = {f"p{number}": hashlib.sha256(str(number).encode()).hexdigest() for number in range(400)}
    with pytest.raises(RecordError, match=r"would take \d+ tags .* room for 38; in it are 400 packages"):
        to_tags({"packages": packages})


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({}, id="no record"),
        pytest.param({"golden.fleet.record": "2", "golden.fleet.record.00": "eJw="}, id="a part is missing"),
        pytest.param({"golden.fleet.record": "many"}, id="no number of parts"),
        pytest.param({"golden.fleet.record": "-3"}, id="less than none"),
        pytest.param({"golden.fleet.record": "9" * 4000}, id="a number to choke on"),
        pytest.param({"golden.fleet.record": "1", "golden.fleet.record.00": "$(reboot)"}, id="no base64"),
        pytest.param({"golden.fleet.record": "1", "golden.fleet.record.00": "ü"}, id="no ASCII"),
        pytest.param({"golden.fleet.record": "1", "golden.fleet.record.00": "AAAA"}, id="nothing compressed"),
        pytest.param(tags_of(b"{" * 10), id="no JSON"),
        pytest.param(tags_of(b"[" * 200_000), id="deeper than the stack"),
        pytest.param(tags_of(b"\xff\xfe"), id="no text"),
        pytest.param(tags_of(b'{"releases": []}' + b" " * (2 << 20)), id="grows beyond the limit"),
        pytest.param(tags_of(b'["releases"]'), id="a list"),
        pytest.param(tags_of(b'{"packages": "bash"}'), id="text where a mapping belongs"),
        pytest.param(tags_of(b'{"releases": ["1.0"]}'), id="a release that is text"),
        pytest.param(tags_of(json.dumps({"proof": None}).encode()), id="no proof where one belongs"),
    ],
)
def test_words_of_somebody_else_are_no_record(tags: dict[str, str]) -> None:
    assert from_tags(tags) == {}
