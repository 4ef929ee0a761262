# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members that join and leave a real HAProxy while it serves, some of them kept aside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool import pools

from tests.unit.haproxy import Fleet, Load, Member, wait_for

OWNER = {"name": "ann@ctl", "machine": "m", "boot": "b", "pid": 1, "started": "1"}
NEW = ["new1", "new2", "new3"]
DEFAULTS: dict[str, Any] = {"floor": 1, "lease_seconds": 60}


@pytest.fixture
def grown(fleet: Fleet) -> Iterator[Fleet]:
    """Three members serve; three more hosts are up and known to nobody. The lock of number 1 is held."""
    fleet.open()
    first = next(iter(fleet.members.values()))
    net = first.address.rpartition(".")[0]
    new = {name: Member(name, f"{net}.{number}", first.port) for number, name in enumerate(NEW, 11)}
    fleet.hosts = {**fleet.members, **new}  # type: ignore[attr-defined]
    fleet.on("lock", owner=OWNER, rollout="r", version="2", ttl=60)
    yield fleet
    for member in new.values():
        member.stop()


def join(fleet: Fleet, *names: str, number: int = 1) -> dict[str, Any]:
    hosts = fleet.hosts  # type: ignore[attr-defined]
    places = [{"name": name, "address": hosts[name].address, "port": hosts[name].port} for name in names]
    return fleet.on("join", members=places, number=number, version="2", **DEFAULTS)


def admit(fleet: Fleet, *names: str) -> dict[str, Any]:
    answer = fleet.on("await_checks", members=list(names), number=1, seconds=5)
    assert answer["ill"] == {}
    return fleet.on("admit_all", members=list(names), number=1, version="2")


def reload_with(fleet: Fleet, *names: str) -> None:
    hosts = fleet.hosts  # type: ignore[attr-defined]
    lb1 = fleet.balancers["lb1"]
    lb1.configure(fleet.services(**{name: hosts[name].address for name in names}))
    lb1.reload()


def test_new_hosts_join_are_checked_and_serve(grown: Fleet) -> None:
    lb1 = grown.balancers["lb1"]
    assert join(grown, *NEW) == {"changed": True, "joined": NEW}
    assert {lb1.get()[1] for _ in range(12)} == {"web1", "web2", "web3"}, "before their checks nobody reaches them"
    assert admit(grown, *NEW) == {"changed": True, "admitted": NEW}
    assert set(grown.pools().values()) == {"online"}
    assert {lb1.get()[1] for _ in range(12)} == set(grown.hosts)  # type: ignore[attr-defined]
    record = lb1.record()
    assert record["leases"] == {}
    assert record["versions"] == dict.fromkeys(NEW, "2")
    assert join(grown, *NEW) == {"changed": False, "joined": []}
    assert grown.on("admit_all", members=NEW, number=1) == {"changed": False, "admitted": NEW}


def test_one_that_is_ill_is_named_and_holds_nobody_up(grown: Fleet) -> None:
    grown.hosts["new2"].healthy = False  # type: ignore[attr-defined]
    join(grown, *NEW)
    wait_for("two are healthy", lambda: len(grown.on("await_checks", members=NEW, number=1, seconds=0)["ill"]) == 1)
    assert list(grown.on("await_checks", members=NEW, number=1, seconds=0)["ill"]) == ["new2"]
    assert grown.on("admit_all", members=NEW, number=1)["admitted"] == ["new1", "new3"]
    assert grown.pools()["new2"] == "draining"


def test_they_are_checked_as_the_configuration_checks_the_others(grown: Fleet) -> None:
    join(grown, "new1")
    admit(grown, "new1")
    grown.hosts["new1"].healthy = False  # type: ignore[attr-defined]
    wait_for("it is down", lambda: grown.pools()["new1"] == "down")


def test_they_stay_through_a_restart_that_knows_nothing_of_them(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, "new1", "new2")
    lb1 = grown.balancers["lb1"]
    lb1.kill()
    lb1.start()
    pools.restore(lb1.runtime, str(lb1.folder), str(lb1.config))
    wait_for("they are back", lambda: [grown.pools().get(name) for name in NEW[:2]] == ["online", "online"])
    assert grown.pools()["new3"] == "maintenance"
    assert admit(grown, "new3")["admitted"] == ["new3"]


def test_they_stay_through_a_reload_that_knows_nothing_of_them(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, *NEW)
    with Load(grown.balancers["lb1"]) as load:
        grown.balancers["lb1"].reload()
        wait_for("they are back", lambda: [grown.pools().get(name) for name in NEW] == ["online"] * 3)
    assert load.failures == []
    assert set(grown.balancers["lb1"].record()["added"]) == set(NEW)


def test_once_the_configuration_names_them_they_are_like_any_other(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, *NEW)
    with Load(grown.balancers["lb1"]) as load:
        reload_with(grown, *NEW)
        assert [grown.pools()[name] for name in NEW] == ["online"] * 3, "at once, without a first check"
    assert load.failures == []
    assert grown.balancers["lb1"].record()["added"] == {}
    reload_with(grown)
    assert set(grown.pools()) == {"web1", "web2", "web3"}
    assert set(grown.balancers["lb1"].record()["versions"]) == set()


def test_a_dead_controllers_members_are_joined_by_the_next_one(grown: Fleet) -> None:
    join(grown, *NEW)
    grown.on("lock", owner={**OWNER, "pid": 2}, rollout="r2", version="2", ttl=60, steal=True)
    assert grown.on("join", members=[], number=1, **DEFAULTS)["refused"]["kind"] == "superseded"
    assert "refused" in grown.on("admit_all", members=NEW, number=1)
    assert join(grown, *NEW, number=2)["joined"] == NEW
    assert grown.on("await_checks", members=NEW, number=2, seconds=5)["ill"] == {}
    assert grown.on("admit_all", members=NEW, number=2)["admitted"] == NEW


def withdraw(fleet: Fleet, *names: str, **params: Any) -> dict[str, Any]:
    return fleet.on("withdraw", members=list(names), **{**DEFAULTS, "number": 1, **params})


def test_members_leave_as_far_as_the_floor_allows(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, *NEW)
    reload_with(grown, *NEW)
    with Load(grown.balancers["lb1"]) as load:
        answer = withdraw(grown, "new3", "new2", "new1", floor="60%")
        assert answer["taken"] == ["new3", "new2"]
        assert "the floor is 4" in answer["kept"]["new1"]
        assert grown.on("drain_all", members=answer["taken"], number=1, seconds=5)["left"] == {}
        assert grown.pools()["new3"] == "maintenance"
        assert grown.on("dismiss", members=answer["taken"], number=1) == {"changed": True}
        assert grown.pools()["new3"] == "out"
        # Who has been dismissed counts no more: of four members one may go.
        assert withdraw(grown, "new1", floor="60%")["taken"] == ["new1"]
        assert grown.on("drain_all", members=["new1"], number=1, seconds=5)["left"] == {}
        grown.on("dismiss", members=["new1"], number=1)
        reload_with(grown)
    assert load.failures == []
    record = grown.balancers["lb1"].record()
    assert set(record["members"]) == {"web1", "web2", "web3"}
    assert record["leases"] == {}
    assert grown.on("dismiss", members=NEW, number=1)["changed"] is False


def test_one_that_was_dismissed_here_alone_is_withdrawn_and_dismissed_again(grown: Fleet) -> None:
    withdraw(grown, "web3")
    grown.on("drain_all", members=["web3"], number=1, seconds=5)
    grown.on("dismiss", members=["web3"], number=1)
    # The controller died before the other balancer was told; the next one has both do all of it again.
    grown.on("lock", owner={**OWNER, "pid": 2}, rollout="r2", version="2", ttl=60, steal=True)
    assert withdraw(grown, "web3", number=2)["taken"] == ["web3"]
    assert grown.on("drain_all", members=["web3"], number=2, seconds=5)["left"] == {}
    assert grown.on("dismiss", members=["web3"], number=2) == {"changed": True}
    assert grown.pools()["web3"] == "out"


def test_a_member_that_holds_a_request_is_waited_for(grown: Fleet) -> None:
    request = threading.Thread(target=grown.balancers["lb1"].get, args=("/hold",))
    request.start()
    holder = wait_for("somebody holds it", grown.holder)
    withdraw(grown, holder.name)
    assert grown.on("drain_all", members=[holder.name], number=1, seconds=0.3)["left"] == {holder.name: 1}
    assert grown.pools()[holder.name] == "draining"
    holder.let_go.set()
    request.join()
    assert grown.on("drain_all", members=[holder.name], number=1, seconds=5)["left"] == {}
    assert grown.pools()[holder.name] == "maintenance"


def test_one_that_was_dismissed_stays_out_through_a_restart(grown: Fleet) -> None:
    withdraw(grown, "web3")
    grown.on("drain_all", members=["web3"], number=1, seconds=5)
    grown.on("dismiss", members=["web3"], number=1)
    lb1 = grown.balancers["lb1"]
    lb1.kill()
    (lb1.folder / "haproxy.state").unlink()
    lb1.start()
    pools.restore(lb1.runtime, str(lb1.folder), str(lb1.config))
    assert grown.pools()["web3"] == "out"


def keep(fleet: Fleet, *names: str, number: int = 1, seconds: float = 60) -> dict[str, Any]:
    withdraw(fleet, *names, number=number)
    assert fleet.on("drain_all", members=list(names), number=number, seconds=5)["left"] == {}
    return fleet.on("keep", members=list(names), number=number, seconds=seconds)


def kept(fleet: Fleet) -> dict[str, str]:
    """The version of each that is kept aside."""
    members = fleet.on("info")["members"]
    return {name: seen["kept"]["version"] for name, seen in members.items() if seen["kept"]}


def test_who_is_kept_aside_is_reached_by_nobody_and_counts_no_more(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, *NEW)
    with Load(grown.balancers["lb1"]) as load:
        assert keep(grown, *NEW) == {"changed": True}
    assert load.failures == []
    assert {grown.pools()[name] for name in NEW} == {"maintenance"}
    assert kept(grown) == dict.fromkeys(NEW, "2")
    assert grown.balancers["lb1"].record()["leases"] == {}
    # Of three members one may go with a floor of two thirds, and of six it would be two.
    assert withdraw(grown, "web1", "web2", floor="66%")["taken"] == ["web1"]
    assert keep(grown, *NEW[:1], seconds=0)["changed"] is True, "whoever takes it in hand again keeps it again"


def test_who_is_kept_aside_comes_back_as_new_hosts_join(grown: Fleet) -> None:
    join(grown, *NEW)
    admit(grown, *NEW)
    keep(grown, *NEW)
    join(grown, *NEW)
    assert kept(grown) == dict.fromkeys(NEW, "2"), "until it serves again"
    with Load(grown.balancers["lb1"]) as load:
        assert admit(grown, *NEW)["admitted"] == NEW
        wait_for("they serve", lambda: {grown.balancers["lb1"].get()[1] for _ in range(12)} >= set(NEW))
    assert load.failures == []
    assert kept(grown) == {}
    assert set(grown.pools().values()) == {"online"}


def test_one_that_is_ill_when_it_comes_back_is_kept_again(grown: Fleet) -> None:
    join(grown, "new1")
    admit(grown, "new1")
    keep(grown, "new1")
    grown.hosts["new1"].healthy = False  # type: ignore[attr-defined]
    join(grown, "new1")
    assert grown.pools()["new1"] == "draining"
    assert grown.on("keep", members=["new1"], number=1, seconds=0) == {"changed": True}
    assert grown.pools()["new1"] == "maintenance"
    assert kept(grown) == {"new1": "2"}


def test_nobody_is_kept_aside_before_its_sessions_have_ended(grown: Fleet) -> None:
    withdraw(grown, "web3")
    answer = grown.on("keep", members=["web3"], number=1, seconds=60)
    assert answer == {"failed": True, "msg": "web3 is draining and not drained, so it can't be kept aside"}
    join(grown, "new1")
    assert grown.on("keep", members=["new1"], number=1, seconds=60)["failed"], "it never served"


def test_who_is_kept_aside_stays_so_through_a_restart_until_it_is_dismissed(grown: Fleet) -> None:
    keep(grown, "web3", seconds=0)
    lb1 = grown.balancers["lb1"]
    lb1.kill()
    (lb1.folder / "haproxy.state").unlink()
    lb1.start()
    pools.restore(lb1.runtime, str(lb1.folder), str(lb1.config))
    assert grown.pools()["web3"] == "maintenance"
    assert grown.on("info")["members"]["web3"]["kept"]["expired"] is True
    withdraw(grown, "web3")
    grown.on("drain_all", members=["web3"], number=1, seconds=5)
    grown.on("dismiss", members=["web3"], number=1)
    assert kept(grown) == {}
    assert grown.pools()["web3"] == "out"


def test_a_dead_controllers_members_are_kept_by_the_next_one(grown: Fleet) -> None:
    withdraw(grown, "web3")
    grown.on("drain_all", members=["web3"], number=1, seconds=5)
    grown.on("lock", owner={**OWNER, "pid": 2}, rollout="r2", version="2", ttl=60, steal=True)
    assert grown.on("keep", members=["web3"], number=1, seconds=60)["refused"]["kind"] == "superseded"
    assert keep(grown, "web3", number=2) == {"changed": True}
    assert set(kept(grown)) == {"web3"}


def test_how_many_members_are_wanted_outlives_the_lock_until_it_is_settled(grown: Fleet) -> None:
    grown.on("lock", owner=OWNER, rollout="r", version="2", ttl=60, wanted=6)
    assert grown.on("info")["wanted"] == 6
    grown.on("unlock", number=1, settled=False)
    grown.on("lock", owner={**OWNER, "pid": 2}, rollout="r2", version="2", ttl=60)
    assert grown.on("info")["wanted"] == 6
    grown.on("unlock", number=2, settled=True)
    assert grown.on("info")["wanted"] is None
