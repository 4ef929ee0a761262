# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts that are replaced by hosts of an image, under load: a controller that dies, the way back, and a bad canary."""

from __future__ import annotations

import re
import signal

import pytest

from demo.lab import Lab
from tests.integration.fleet import INVENTORY, STATE, Fleet
from tests.integration.test_bake import images
from tests.integration.test_scale import DECLARED, SERVICE, launched, online, until

KIND = {"rollout": "image"}
ASKED = {"service": SERVICE, f"{SERVICE}_contract": KIND}
# A gate that no host passes, of an image that passed its own.
REFUSING = {"service": SERVICE, f"{SERVICE}_contract": {**KIND, "gates": [{"name": "never", "command": ["false"]}]}}
# As if the time had passed, by the balancer's record.
OVERDUE = """
import json, sys
path = sys.argv[1]
record = json.load(open(path))
for kept in record["kept"].values():
    kept["until"] = 0
json.dump(record, open(path, "w"))
"""


@pytest.fixture(scope="module")
def replaced(raised: Fleet) -> Fleet:
    """The fleet with all hosts of the inventory kept aside, and as many launched ones of the new release online.

    Its controller died on the way, when one new host was there.
    """
    old, new = raised.lab.services[SERVICE].versions
    # An earlier test may have marked the new one bad, which would keep it from being gone back to.
    for version in (new, old):
        raised.must("rollout", service=SERVICE, version=version)
    raised.must("bake", service=SERVICE)
    raised.must("scale", service=SERVICE, count=DECLARED)
    with raised.watched(SERVICE) as seen:
        run = raised.start("rollout", version=new, **ASKED)
        until(lambda: len(launched(raised)) > 1, run, seconds=200)
        run.signal(signal.SIGKILL)
        run.process.wait()
        raised.must("rollout", version=new, **ASKED)
    seen[0].assert_nothing_lost(DECLARED)
    assert seen[0].versions == {old, new}
    return raised


def declared(fleet: Fleet) -> list[str]:
    """The members that the inventory itself names."""
    return [name for name in fleet.lab.services[SERVICE].members if name.startswith("web")]


def serving() -> dict[str, list[str]]:
    """The members that are online, by balancer, of those that the inventory has now."""
    return Fleet(Lab.read(INVENTORY)).online(SERVICE)


def kept(fleet: Fleet) -> dict[str, str | None]:
    """The release of each host that the balancers keep aside."""
    found = [fleet.state(lb.name, SERVICE)["kept"] for lb in fleet.lab.balancers]
    assert found[0].keys() == found[1].keys()
    return {name: keeping["version"] for name, keeping in found[0].items()}


def test_there_and_back_again(replaced: Fleet) -> None:
    old, new = replaced.lab.services[SERVICE].versions
    members = declared(replaced)
    assert kept(replaced) == dict.fromkeys(members, old)
    assert online(replaced) == {"lb1": DECLARED, "lb2": DECLARED}
    assert len(launched(replaced)) == DECLARED, "no orphans"
    assert not any(replaced.leases(SERVICE).values())
    assert "kept until" in replaced.must("status", service=SERVICE).output
    again = replaced.must("rollout", version=new, **ASKED)
    assert again.changed == 0
    assert "nothing is to do" in again.output

    with replaced.watched(SERVICE) as seen:
        replaced.must("rollback", **ASKED)
    seen[0].assert_nothing_lost(DECLARED)
    assert serving() == {"lb1": members, "lb2": members}
    assert set(kept(replaced)) == set(launched(replaced))
    refused = replaced.play("rollback", **ASKED)
    assert refused.process.returncode != 0
    assert f"of a release older than {old}; can be had by naming it: {new} (6 hosts kept until" in refused.output

    before = set(launched(replaced))
    replaced.must("scale", service=SERVICE, count=DECLARED + 1)
    (another,) = set(launched(replaced)) - before
    status = replaced.must("status", service=SERVICE).output
    assert re.search(rf"{another} +[ab] +online +{re.escape(old)}", status), (
        "not of the image that was left, though newer"
    )
    replaced.must("scale", service=SERVICE, count=DECLARED)
    assert set(launched(replaced)) == before, "who is kept is not what scaling takes away"


def let_their_time_pass(fleet: Fleet) -> None:
    """Removes the launched hosts that are kept aside, as what runs next does once their time has passed."""
    for lb in fleet.lab.balancers:
        fleet.on(lb.name, "python3", "-c", OVERDUE, f"{STATE}/{SERVICE}.json")
    fleet.must("reconcile", service=SERVICE)
    assert launched(fleet) == [], "their time had passed"
    assert kept(fleet) == {}
    assert set(fleet.state("lb1", SERVICE)["members"]) == set(declared(fleet))


def test_who_is_gone_is_launched_again_to_go_back_and_not_once_it_is_bad(replaced: Fleet) -> None:
    old, new = replaced.lab.services[SERVICE].versions
    members = declared(replaced)
    let_their_time_pass(replaced)
    with replaced.watched(SERVICE) as seen:
        replaced.must("rollback", version=new, **ASKED)
    seen[0].assert_nothing_lost(DECLARED)
    assert seen[0].versions == {old, new}
    assert len(launched(replaced)) == DECLARED
    assert serving() == {"lb1": launched(replaced), "lb2": launched(replaced)}
    assert kept(replaced) == dict.fromkeys(members, old)

    before = images(replaced)
    with replaced.watched(SERVICE) as seen:
        replaced.must("rollback", bad="it lost orders", **ASKED)
    seen[0].assert_nothing_lost(DECLARED)
    assert serving() == {"lb1": members, "lb2": members}
    (spoilt,) = set(before) - set(images(replaced))
    assert spoilt.replace("good-", "bad-") in images(replaced)
    let_their_time_pass(replaced)
    refused = replaced.play("rollback", version=new, **ASKED)
    assert refused.process.returncode != 0
    assert f"can't go back to {new}: no host of it is kept, and its image is bad" in refused.output


def test_a_canary_that_is_refused_leaves_those_alone_that_serve(replaced: Fleet) -> None:
    old, new = replaced.lab.services[SERVICE].versions
    members = declared(replaced)
    replaced.must("bake", service=SERVICE, version=new)
    before = images(replaced)
    with replaced.watched(SERVICE) as seen:
        run = replaced.play("rollout", version=new, **REFUSING)
    assert run.process.returncode != 0
    assert f"{SERVICE} {new} was turned back: 1 failed where the budget allows 0" in run.output
    seen[0].assert_nothing_lost(DECLARED)
    assert seen[0].versions == {old}
    assert launched(replaced) == []
    assert serving() == {"lb1": members, "lb2": members}
    (spoilt,) = set(before) - set(images(replaced))
    assert spoilt.replace("good-", "bad-") in images(replaced)
    assert replaced.state("lb1", SERVICE)["lock"] is None
