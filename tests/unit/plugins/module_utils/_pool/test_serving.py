# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What members serve that are switched where they are, against a real HAProxy."""

from __future__ import annotations

from tests.unit.haproxy import Fleet

from .test_members import OTHER, lock, take_out

NAMES = ["web1", "web2", "web3"]


def test_the_journal_and_the_record_say_it_before_anybody_serves_it(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    asked = {"members": NAMES, "version": "2", "number": 1}
    assert fleet.on("serve", **asked, check_mode=True) == {"changed": True}
    lb1 = fleet.balancers["lb1"]
    assert lb1.record()["versions"] == {}
    assert fleet.on("serve", **asked) == {"changed": True}
    assert lb1.record()["versions"] == dict.fromkeys(NAMES, "2")
    assert set(fleet.pools().values()) == {"online"}
    told = [(line["event"], line["member"], line["version"]) for line in lb1.journal() if line["event"] == "admitting"]
    assert told == [("admitting", name, "2") for name in NAMES]
    assert fleet.on("serve", **asked) == {"changed": False}
    assert len(lb1.journal()) == 1 + len(NAMES), "said once"


def test_whoever_was_superseded_or_asked_to_stop_is_refused(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    fleet.on("stop", by="bob@ctl", reason="lunch")
    asked = {"members": NAMES, "version": "2", "number": 1}
    assert fleet.on("serve", **asked)["refused"] == {"kind": "stopped", "msg": "bob@ctl asked the rollout to stop"}
    assert fleet.on("serve", **asked, turning_back=True) == {"changed": True}
    lock(fleet, OTHER, steal=True)
    assert fleet.on("serve", **asked)["refused"]["kind"] == "superseded"
    assert fleet.balancers["lb1"].record()["versions"] == dict.fromkeys(NAMES, "2")


def test_a_member_that_is_out_is_no_matter_of_this(fleet: Fleet) -> None:
    fleet.open()
    lock(fleet)
    take_out(fleet, "web2")
    answer = fleet.on("serve", members=NAMES, version="2", number=1)
    assert answer["failed"]
    assert "web2 is leased" in answer["msg"]
    assert fleet.balancers["lb1"].record()["versions"] == {}
