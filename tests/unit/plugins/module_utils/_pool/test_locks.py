# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._pool import locks
from ansible_collections.golden.fleet.plugins.module_utils._pool.locks import Refusal

ANN = {"name": "ann", "pid": 1}
BOB = {"name": "bob", "pid": 2}


def data(until: float = 100, **lock: Any) -> dict[str, Any]:
    held = {"owner": ANN, "rollout": "r1", "number": 5, "ttl": 60, "until": until, "failures": [], "stop": None}
    leases = {"web1": {"phase": "reserved"}, "web2": {"phase": "maintenance"}}
    return {"number": 5, "lock": {**held, **lock}, "leases": leases, "members": {}}


def asked(owner: dict[str, Any] = BOB, rollout: str = "r2", **more: Any) -> dict[str, Any]:
    return {"owner": owner, "rollout": rollout, "version": "2", "ttl": 60, **more}


@pytest.mark.parametrize(
    ("found", "request_", "number"),
    [
        pytest.param({**data(), "lock": None, "number": 0}, asked(), 1, id="the first ever"),
        pytest.param({**data(), "lock": None}, asked(), 6, id="free again"),
        pytest.param({**data(), "lock": None}, asked(at_least=40), 40, id="hosts have seen more"),
        pytest.param(data(until=9), asked(), 6, id="expired by the balancer's clock"),
        pytest.param(data(), asked(steal=True), 6, id="stolen"),
        pytest.param(data(), asked(steal=True, steal_number=5), 6, id="stolen from the one that was meant"),
        pytest.param(data(), asked(ANN, "r1"), 5, id="held already"),
        pytest.param(data(until=9), asked(ANN, "r1"), 5, id="held already, expired and nobody took it"),
        pytest.param(data(), asked(ANN, "r9"), 6, id="the same process, another rollout"),
    ],
)
def test_who_gets_the_lock(found: dict[str, Any], request_: dict[str, Any], number: int) -> None:
    assert locks.acquire(found, request_, 10) == number
    assert (found["number"], found["lock"]["number"], found["lock"]["until"]) == (number, number, 70)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(asked(), id="another"),
        pytest.param(asked(rollout="r1"), id="another, the same rollout"),
        pytest.param(asked(steal=True, steal_number=4), id="the one meant is gone already"),
    ],
)
def test_who_is_refused(request_: dict[str, Any]) -> None:
    found = data()
    with pytest.raises(Refusal, match="ann holds the lock for r1, for 90 s more") as refusal:
        locks.acquire(found, request_, 10)
    assert refusal.value.answer["refused"]["by"] == ANN
    assert found == data()


def test_a_new_holder_ends_leases_under_which_nothing_was_done_and_starts_with_a_whole_budget() -> None:
    found = data(failures=[{"member": "web2"}], stop={"by": "carl"})
    locks.acquire(found, asked(steal=True), 10)
    assert list(found["leases"]) == ["web2"]
    assert (found["lock"]["failures"], found["lock"]["stop"]) == ([], None)


@pytest.mark.parametrize(
    ("found", "number", "says"),
    [
        pytest.param(data(), 4, "went on to number 5 and this is number 4: ann holds it for r1", id="superseded"),
        pytest.param({**data(), "lock": None}, 4, "it was released since", id="superseded and released"),
        pytest.param({**data(), "lock": None}, 5, "was released", id="one's own that was broken"),
        pytest.param(data(), 6, "knows numbers up to 5 and not 6", id="a balancer that lost its records"),
    ],
)
def test_a_number_that_is_not_the_holders_is_refused(found: dict[str, Any], number: int, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refusal:
        locks.check_number(found, number)
    assert refusal.value.kind == "superseded"


def test_renewing_is_written_only_where_it_gains_something() -> None:
    lock = {"until": 70, "ttl": 60}
    assert locks.renew(lock, 20) is False
    assert locks.renew(lock, 30) is True
    assert lock["until"] == 90


def test_giving_back_twice_is_no_change() -> None:
    found = data()
    assert locks.release(found, 5) is True
    assert locks.release(found, 5) is False
    with pytest.raises(Refusal):
        locks.release(found, 4)
