# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses

import made_up
import pytest

from demo import picture, report
from demo.report import Step
from demo.sampler import Sample


def test_versions_stand_from_old_to_new():
    records = made_up.run(seconds=100, rate=20).records
    old = dataclasses.replace(records[0], version="0.9")
    assert picture.versions_of([*records, old]) == [
        ("datasette", "0.9"),
        ("datasette", "0.64.8"),
        ("datasette", "0.65.5"),
        ("swagger_ui", "0.0.9"),
        ("swagger_ui", "1.1.0"),
    ]


def test_rates_count_answers_in_each_second():
    records = made_up.run(seconds=3, rate=30).records
    rates = picture.per_second(records, made_up.BEGAN, 3)
    assert rates["datasette", "0.64.8"] == [20, 20, 20]


def test_the_online_line_shows_the_balancer_that_holds_fewest():
    samples = [
        Sample(t, lb, "web", n, 6)
        for t, lb, n in [(1, "lb1", 6), (1, "lb2", 6), (2, "lb1", 5), (3, "lb1", 6), (3, "lb2", 4)]
    ]
    assert picture.online_line(samples, "web", 1.0) == ([0, 0, 1, 2, 2], [6, 6, 5, 6, 4])


@pytest.mark.parametrize(
    ("times", "lanes"),
    [
        pytest.param([(0, 40), (50, 90)], [0, 0], id="one after the other"),
        pytest.param([(0, 40), (5, 30), (50, 90)], [0, 1, 0], id="two at once"),
        pytest.param([(0, 40), (41, 42), (45, 85)], [0, 0, 1], id="a short one's text takes room beside it"),
    ],
)
def test_steps_at_one_time_stand_below_each_other(times, lanes):
    steps = [Step("twenty letters long!", begin, end - begin, ok=True) for begin, end in times]
    assert [bar.lane for bar in picture.bars(steps, 0, 100)] == lanes


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="a whole run"),
        pytest.param({"steps": []}, id="no step"),
        pytest.param({"samples": []}, id="no sample"),
        pytest.param({"records": made_up.run(seconds=0.5).records}, id="a load that hardly began"),
    ],
)
def test_it_draws(tmp_path, change):
    evidence = dataclasses.replace(made_up.run(seconds=20, rate=20), **change)
    files = tmp_path / "p.png", tmp_path / "p.svg"
    picture.draw(evidence, report.build(evidence), *files)
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in files[1].read_text()
