# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections import Counter
from itertools import islice

from demo.generator import plan, shares
from demo.records import Config, Target


def target(service: str, weight: int = 1) -> Target:
    return Target(service, f"{service}.test", "/", {"header": "X-Release"}, weight)


def config(*targets: Target, **more) -> Config:
    return Config(balancers={"lb1": "http://lb1", "lb2": "http://lb2"}, targets=targets, **more)


def test_requests_are_due_at_fixed_times_until_the_time_is_up():
    assert [after for after, _, _ in plan(config(target("a"), rate=4, seconds=1))] == [0, 0.25, 0.5, 0.75]


def test_a_bound_on_requests_ends_a_load_too():
    assert len(list(plan(config(target("a"), rate=100, seconds=900, requests=7)))) == 7


def test_weights_are_kept_and_mixed():
    mixed = [one.service for one in islice(shares((target("a", 2), target("b"))), 6)]
    assert mixed == ["a", "b", "a", "a", "b", "a"]


def test_each_service_is_asked_of_each_balancer_alike():
    planned = plan(config(target("a"), target("b"), rate=100, seconds=1))
    assert set(Counter((one.service, balancer) for _, one, balancer in planned).values()) == {25}
