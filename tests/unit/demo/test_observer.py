# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time
from types import SimpleNamespace

import made_up
import pytest

from demo.observer import Observer
from demo.records import Record
from demo.sampler import Sample

SERVICE = made_up.SERVICES["datasette"]
ALL_UP = dict.fromkeys(made_up.MEMBERS, "UP")


def observer(answers: dict[str, str | None], members: dict[str, str]) -> Observer:
    """Sees a load whose answers, by balancer, come with one version each, and balancers that agree on the members."""
    soon = time.time() + 3600
    records = [Record(soon + n, "datasette", lb, 200, v, 1.0) for lb, v in answers.items() if v for n in range(30)]
    latest = {(lb, "datasette"): Sample(1.0, lb, "datasette", 6, 6, members) for lb in answers}
    load = SimpleNamespace(records=lambda: records, config=SimpleNamespace(balancers=answers))
    sampler = SimpleNamespace(latest=latest, samples=list(latest.values()))
    return Observer(load, sampler, patience_seconds=0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "members", "said"),
    [
        pytest.param({"lb1": "2", "lb2": "2"}, ALL_UP, "", id="all is well"),
        pytest.param(
            {"lb1": "2", "lb2": "1"}, ALL_UP, "lb2 still answers with 1, not with 2 alone", id="an old version"
        ),
        pytest.param({"lb1": "2", "lb2": None}, ALL_UP, "only 0 answers through lb2", id="a silent balancer"),
        pytest.param({"lb1": "2"}, {**ALL_UP, "web3": "MAINT"}, "not online: web3", id="a member that is out"),
    ],
)
def test_what_is_missing_is_said(answers, members, said):
    looking = observer(answers, members)
    looking.patience_seconds = 0.1
    assert looking.wait_for(SERVICE, "2") == said


def test_a_member_too_few_is_said():
    looking = observer({"lb1": "2"}, ALL_UP)
    looking.patience_seconds = 0.1
    assert looking.wait_for(SERVICE, "2", 6) == ""
    assert looking.wait_for(SERVICE, "2", 7) == "lb1 has 6 members, not 7"


def test_who_was_out():
    looking = observer({"lb1": "2", "lb2": "2"}, {**ALL_UP, "web2": "MAINT", "web1": "DRAIN"})
    assert looking.out() == {"datasette": ["web1", "web2"]}
    assert looking.was_out("datasette", 0.0) == ["web1", "web2"]
    assert looking.was_out("datasette", 2.0) == []
    assert "datasette: web1, web2 out" in looking.now()
