# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from demo.records import Config, Figures, LoadError, Record, Target, parse_records, percentile

TARGET = Target("web", "web.test", "/", {"header": "X-Release"})


@pytest.mark.parametrize(
    ("where", "headers", "body", "version"),
    [
        pytest.param({"header": "X-Release"}, {"X-Release": "1.2"}, b"", "1.2", id="a header holds it"),
        pytest.param({"header": "X-Release"}, {}, b"1.2", None, id="the header is missing"),
        pytest.param({"header": "X-Release"}, {"X-Release": ""}, b"", None, id="the header is empty"),
        pytest.param({"json": "app.version"}, {}, b'{"app": {"version": "1.2"}}', "1.2", id="a dotted key holds it"),
        pytest.param({"json": "app.version"}, {}, b'{"app": "1.2"}', None, id="the key ends too early"),
        pytest.param({"json": "app.version"}, {}, b'{"app": {"version": 1.2}}', None, id="a number is no version"),
        pytest.param({"json": "app"}, {}, b"<html>", None, id="the body is no JSON"),
        pytest.param({"pattern": r"v(\S+)<"}, {}, b"<b>v1.2</b>", "1.2", id="a pattern finds it"),
        pytest.param({"pattern": r"v(\S+)<"}, {}, b"none", None, id="the pattern finds nothing"),
    ],
)
def test_a_version_is_read_where_the_contract_says(where, headers, body, version):
    assert Target("web", "web.test", "/", where).read_version(headers, body) == version


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"rate": 0}, id="no rate"),
        pytest.param({"seconds": 10**6}, id="no bound in sight"),
        pytest.param({"balancers": {}}, id="no balancer"),
        pytest.param({"targets": ()}, id="nothing to ask"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(LoadError):
        Config(**{"balancers": {"lb1": "http://lb1"}, "targets": (TARGET,), **wrong})


def test_two_ways_to_read_a_version_are_refused():
    with pytest.raises(LoadError, match="one of header, json, pattern"):
        Target("web", "web.test", "/", {"header": "X", "json": "y"})


def test_a_configuration_survives_its_file():
    config = Config(balancers={"lb1": "http://lb1"}, targets=(TARGET,), rate=7, requests=3)
    assert Config.from_json(config.to_json()) == config


def test_an_unknown_key_of_a_configuration_is_named():
    with pytest.raises(LoadError, match="speed"):
        Config.from_json('{"balancers": {"lb1": "x"}, "targets": [], "speed": 1}')


def test_records_survive_their_file_and_a_half_line_waits():
    records = [
        Record(1.5, "web", "lb1", 200, "1.2", 3.25),
        Record(2.0, "web", "lb2", 0, None, 1.0, "timeout", retried=True),
    ]
    text = "".join(record.to_json() + "\n" for record in records)
    assert list(parse_records(text + '{"t": 3')) == records


def test_percentiles():
    values = range(1, 101)
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (51, 100, 0.0)


def test_figures_add_up():
    good = [Record(float(n), "web", "lb1", 200, "1" if n < 3 else "2", 10.0 + n) for n in range(5)]
    bad = Record(5.0, "web", "lb1", 503, None, 900.0, error="status 503")
    figures = Figures.of([*good, bad])
    assert (figures.requests, figures.failed, figures.rate) == (6, 1, 1.0)
    assert figures.versions == {"web": {"1": 3, "2": 2}}
    assert figures.errors == {"status 503": 1}
    assert figures.max_ms == 14.0, "the latency is that of answers"
