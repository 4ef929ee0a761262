# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import json

import made_up
import pytest

from demo import report
from demo.records import Record
from demo.report import Admission
from demo.sampler import Sample

STARTED = [Admission(5.0, lb, "web", member, "1") for lb in ("lb1", "lb2") for member in ("web1", "web2")]


def answered(version: str | None, at: float, service: str = "web") -> Record:
    """A request that was due half a second before its answer came."""
    return Record(at - 0.5, service, "lb1", 200, version, 500.0)


FIRST = answered("1", 10.5)  # the load begins at 10


@pytest.mark.parametrize(
    ("version", "at", "wrong"),
    [
        pytest.param("1", 11.0, False, id="the version that was serving when the load began"),
        pytest.param("2", 20.0, False, id="a new version at its first admission"),
        pytest.param("2", 19.9, True, id="a new version before its first admission"),
        pytest.param("2", 20.2, False, id="asked before the admission, answered after it"),
        pytest.param("3", 99.0, True, id="a version that never was admitted"),
        pytest.param("0", 11.0, True, id="a version that served earlier and was replaced before the load"),
        pytest.param("0", 31.0, False, id="the same once it is admitted again"),
        pytest.param(None, 11.0, False, id="no version is a failure, not a wrong version"),
    ],
)
def test_what_counts_as_a_wrong_version(version, at, wrong):
    admissions = [
        Admission(1.0, "lb1", "web", "web1", "0"),
        *STARTED,
        Admission(20.5, "lb2", "web", "web1", "2"),
        Admission(20.0, "lb1", "web", "web1", "2"),
        Admission(2.0, "lb1", "other", "web1", "3"),
        Admission(30.0, "lb1", "web", "web2", "0"),
    ]
    record = answered(version, at)
    assert report.wrong_versions([FIRST, record], admissions) == ([record] if wrong else [])


def test_versions_that_served_before_may_be_given():
    record = answered("9", 11.0)
    assert report.wrong_versions([FIRST, record], STARTED) == [record]
    assert report.wrong_versions([FIRST, record], STARTED, {"web": ["9"]}) == []


def test_without_journals_every_answer_is_wrong():
    assert report.wrong_versions([FIRST], []) == [FIRST]


def test_the_journal_is_read_on_this_machines_clock():
    lines = [
        {"at": 7.0, "event": "reserved", "member": "web1", "version": "2"},
        {"at": 8.0, "event": "admitting", "member": "web1", "version": "2"},
        {"at": 8.5, "event": "admitted", "member": "web1", "version": "2"},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n"
    assert report.parse_journal(text, "lb1", "web", clock_offset=2.0) == [
        Admission(6.0, "lb1", "web", "web1", "2"),
        Admission(6.5, "lb1", "web", "web1", "2"),
    ]


def test_serving_is_what_each_member_was_last_admitted_with():
    later = Admission(20.0, "lb1", "web", "web1", "2")
    assert report.serving([later, *STARTED], 10.0) == {"web": {"1"}}
    assert report.serving([later, *STARTED], 20.0) == {"web": {"1", "2"}}


def sample(t: float, balancer: str = "lb1", online: int = 6, service: str = "web") -> Sample:
    return Sample(t, balancer, service, online, 6)


@pytest.mark.parametrize(
    ("samples", "least"),
    [
        pytest.param([sample(1), sample(2, online=4), sample(3)], 4, id="a dip"),
        pytest.param([sample(1), sample(2, "lb2", 3)], 3, id="a dip at the other balancer alone"),
        pytest.param([sample(1), sample(2, online=1, service="other")], 6, id="another service's dip"),
        pytest.param([], 0, id="nobody looked"),
    ],
)
def test_the_fewest_members_online(samples, least):
    assert report.online_min(samples, "web") == least


@pytest.mark.parametrize(
    ("samples", "longest"),
    [
        pytest.param([sample(t / 5) for t in range(51)], 0.2, id="all along"),
        pytest.param([sample(0), sample(4), sample(10)], 6.0, id="a hole in the middle"),
        pytest.param([sample(3), sample(8)], 5.0, id="holes at both ends"),
        pytest.param([*[sample(t / 5) for t in range(51)], sample(5, "lb2")], 5.0, id="one balancer of two"),
        pytest.param([], 10.0, id="never"),
        pytest.param([sample(-5), sample(15)], 10.0, id="before and after only"),
    ],
)
def test_how_long_nobody_looked(samples, longest):
    assert report.longest_blindness(samples, 0.0, 10.0) == pytest.approx(longest)


def test_a_run_without_fault_has_no_problems():
    built = report.build(made_up.run())
    promised = ["requests_total", "requests_failed", "requests_wrong_version", "online_members_min", "floor", "steps"]
    assert list(built)[:6] == promised
    assert [built[key] for key in promised[:5]] == [22_000, 0, 0, 5, 3]
    assert built["steps"][0] == {"name": "lab", "seconds": 60, "ok": True}
    assert report.problems(built) == []


def broken(**changes) -> list[str]:
    """The problems of a run that went well but for ``changes`` to its report."""
    return report.problems({**GOOD, **changes})


GOOD = report.build(made_up.run())
LOW = {**GOOD["services"], "datasette": {**GOOD["services"]["datasette"], "online_members_min": 2}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"requests_failed": 3, "errors": {"status 503": 3}}, "3 requests failed: 3 x status 503", id="failed"
        ),
        pytest.param({"requests_wrong_version": 1}, "1 answers by a version", id="a wrong version"),
        pytest.param({"requests_total": 19_999}, "19999 requests are fewer than 20000", id="too few requests"),
        pytest.param({"requests_per_second": 180.0}, "180.0 requests/s are fewer than 200", id="too slow a load"),
        pytest.param({"services": LOW}, "datasette: 2 members online, the floor is 3", id="below the floor"),
        pytest.param({"steps": [{"name": "Roll out", "ok": False, "detail": "why"}]}, "Roll out: why", id="a bad step"),
        pytest.param({"longest_time_unsampled_seconds": 7.5}, "for 7.5 s nobody saw", id="not watched"),
    ],
)
def test_what_is_off_is_said(changes, said):
    (only,) = broken(**changes)
    assert only.startswith(said)


def test_the_pair_of_figures_is_that_of_the_service_nearest_to_its_floor():
    evidence = made_up.run(seconds=5)
    dipped = [dataclasses.replace(s, online=4) if s.service == "swagger_ui" else s for s in evidence.samples]
    built = report.build(dataclasses.replace(evidence, samples=dipped))
    assert (built["online_members_min"], built["floor"]) == (4, 3)
