# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service of the kind `atomic`: every member is switched where it is, while it serves."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.carried import carry
from tests.integration.fleet import Fleet
from tests.integration.own_repository import own_service

NAME = "pages"
REPOSITORY = Path(__file__).parent / "atomic_service"
RATE = 60
# Of a release: its library, the last file of it, the page, and the one that tells of the cache.
SCRIPTS = 203


@pytest.fixture(scope="module")
def pages(raised: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The fleet with one service more, its first release on all members; its others, one broken, in the store."""
    repository = tmp_path_factory.mktemp("atomic") / "repository"
    site = [f"/etc/nginx/conf.d/{NAME}.conf", f"/etc/php/8.2/fpm/pool.d/{NAME}.conf"]
    with own_service(raised, NAME, REPOSITORY, repository, site) as fleet:
        old, new = fleet.lab.services[NAME].versions
        fleet.must("golden.fleet.artifacts", service=NAME)
        fleet.must("golden.fleet.artifacts", service=NAME, version=f"{new}+broken")
        fleet.must("golden.fleet.provision", service=NAME)
        # None is online yet, so they come in one after the other, through their gates.
        fleet.must("golden.fleet.rollout", service=NAME, version=old)
        yield fleet
        fleet.end()
    for member in fleet.lab.services[NAME].members:
        fleet.on(member, "systemctl", "disable", "--now", "php8.2-fpm")


def running(fleet: Fleet) -> dict[str, str]:
    """The release that each member serves, as its own page says."""
    service = fleet.lab.services[NAME]
    said = {}
    for member in service.members:
        url = f"http://{fleet.host(member).address}:{service.contract['listen']['port']}/health"
        with urllib.request.urlopen(url, timeout=10) as answer:  # http
            said[member] = json.load(answer)["version"]
    return said


def everywhere(fleet: Fleet, version: str) -> dict[str, str]:
    return dict.fromkeys(fleet.lab.services[NAME].members, version)


def switched_at(fleet: Fleet) -> list[float]:
    """When each member's link was switched, in seconds since 1970; the lab's hosts have one clock."""
    members = fleet.lab.services[NAME].members
    return [float(fleet.on(member, "stat", "--format=%.3Z", f"/srv/{NAME}/current")) for member in members]


def other_than_served(fleet: Fleet) -> tuple[str, str]:
    """What all members serve, and the other version."""
    (served,) = set(running(fleet).values())
    old, new = fleet.lab.services[NAME].versions
    return served, new if served == old else old


def test_all_are_switched_at_once_and_back_and_nobody_leaves_the_online_pool(pages: Fleet) -> None:
    old, new = pages.lab.services[NAME].versions
    members = pages.lab.services[NAME].members
    with pages.watched(NAME, rate=RATE) as seen:
        pages.must("golden.fleet.rollout", service=NAME, version=new)
        assert running(pages) == everywhere(pages, new)
        moments = [switched_at(pages)]
        assert pages.must("golden.fleet.rollout", service=NAME, version=new).changed == 0
        pages.must("golden.fleet.rollback", service=NAME)
        moments.append(switched_at(pages))
    assert running(pages) == everywhere(pages, old)
    seen[0].assert_nothing_lost(len(members))
    assert seen[0].versions == {old, new}
    assert all(max(moment) - min(moment) < 1 for moment in moments), moments
    assert not any(pages.leases(NAME).values())


def test_no_page_is_of_two_releases_or_of_one_that_was_left_and_the_opcode_cache_holds_two(
    pages: Fleet, tmp_path: Path
) -> None:
    served, other = other_than_served(pages)
    seen = carry(pages, [(other, {}), (served, {})], RATE, tmp_path)
    assert not seen.failed
    assert {answer.version for answer in seen.answers} == {served, other}
    assert not seen.mixed
    assert not seen.stale
    for member in seen.samples:
        first, last = seen.samples[member][0], seen.left(member)[-1]
        assert last.scripts <= 2 * SCRIPTS
        assert last.restarts == first.restarts


def test_a_release_that_fails_its_gate_is_never_switched_to(pages: Fleet) -> None:
    before = running(pages)
    broken = f"{pages.lab.services[NAME].versions[1]}+broken"
    with pages.watched(NAME, rate=RATE) as seen:
        refused = pages.play("golden.fleet.rollout", service=NAME, version=broken)
    assert refused.process.returncode != 0
    assert "failed the gate pages" in refused.output, refused.tail()
    assert running(pages) == before
    seen[0].assert_nothing_lost(len(before))
    assert seen[0].versions == set(before.values())
    assert "bad" in pages.must("golden.fleet.status", service=NAME).output


def test_where_one_can_not_be_switched_all_go_back_at_once(pages: Fleet) -> None:
    old, new = pages.lab.services[NAME].versions
    other = new if set(running(pages).values()) == {old} else old
    before = running(pages)
    # In the way of the link's successor on one member.
    pages.on("web3", "mkdir", f"/srv/{NAME}/current.new")
    with pages.watched(NAME, rate=RATE) as seen:
        failed = pages.play("golden.fleet.rollout", service=NAME, version=other)
        assert failed.process.returncode != 0
        assert "was turned back" in failed.output, failed.tail()
        assert running(pages) == before
        pages.on("web3", "rmdir", f"/srv/{NAME}/current.new")
        pages.must("golden.fleet.rollout", service=NAME, version=other)
    assert running(pages) == everywhere(pages, other)
    seen[0].assert_nothing_lost(len(before))


STAGES = {
    "proving": "Slot | Prove it where customers don't reach it",
    "about to switch": "Commit | Say at the balancers what they are about to serve",
    "telling": "Tell | Tell it when to switch",
    "switched": "Switch | Ask for its health where customers do",
    "settled": "Finish | Give the lock back",
}


@pytest.mark.parametrize("task", STAGES.values(), ids=STAGES.keys())
def test_a_controller_that_is_killed_is_followed_by_the_same_command(pages: Fleet, task: str) -> None:
    old, new = pages.lab.services[NAME].versions
    other = new if set(running(pages).values()) == {old} else old
    with pages.watched(NAME, rate=RATE) as seen:
        with pages.held_before(task, "golden.fleet.rollout", service=NAME, version=other) as run:
            run.signal(signal.SIGKILL)
        pages.must("golden.fleet.rollout", service=NAME, version=other)
    assert running(pages) == everywhere(pages, other)
    seen[0].assert_nothing_lost(len(pages.lab.services[NAME].members))
    assert not any(pages.leases(NAME).values())


def test_members_that_were_told_switch_without_the_controller(pages: Fleet) -> None:
    served, other = other_than_served(pages)
    with pages.watched(NAME, rate=RATE) as seen:
        with pages.held_before("Moment | Wait for it", "golden.fleet.rollout", service=NAME, version=other) as run:
            run.signal(signal.SIGKILL)
        deadline = time.monotonic() + 60
        while running(pages) != everywhere(pages, other):
            assert time.monotonic() < deadline, "they did not switch by themselves"
            time.sleep(0.5)
        moments = switched_at(pages)
        pages.must("golden.fleet.rollout", service=NAME, version=other)
    assert max(moments) - min(moments) < 1, moments
    seen[0].assert_nothing_lost(len(moments))
    assert seen[0].versions == {served, other}


def test_a_rollout_that_stole_the_lock_calls_off_what_members_wait_for(pages: Fleet) -> None:
    served, other = other_than_served(pages)
    moments = switched_at(pages)
    far = {"rollout_ask_seconds": 20}
    with pages.held_before("Moment | Wait for it", "golden.fleet.rollout", service=NAME, version=other, **far) as run:
        pages.must("golden.fleet.rollout", service=NAME, version=served, steal=True)
    run.wait()
    assert run.process.returncode != 0
    assert running(pages) == everywhere(pages, served)
    assert switched_at(pages) == moments, "they switched there and back"


def test_a_stop_that_comes_while_members_wait_has_the_rollout_end_in_order(pages: Fleet) -> None:
    _served, other = other_than_served(pages)
    with pages.held_before("Moment | Wait for it", "golden.fleet.rollout", service=NAME, version=other) as run:
        pages.must("golden.fleet.stop", service=NAME, reason="a test")
    run.wait()
    assert "was stopped: stopped by" in run.output, run.tail()
    assert running(pages) == everywhere(pages, other)
    pages.must("golden.fleet.rollout", service=NAME, version=other)


def test_a_controller_that_was_stopped_and_wakes_later_switches_nobody(pages: Fleet) -> None:
    served, other = other_than_served(pages)
    contract = {f"{NAME}_contract": {"lock_seconds": 10}}
    with pages.held_before(
        "Tell | Tell it when to switch",
        "golden.fleet.rollout",
        service=NAME,
        version=other,
        **contract,
    ) as run:
        # Another one settles for what runs.
        pages.must("golden.fleet.rollout", service=NAME, version=served, steal=True, **contract)
    run.wait()
    assert run.process.returncode != 0
    assert "superseded" in run.output, run.tail()
    assert running(pages) == everywhere(pages, served)
