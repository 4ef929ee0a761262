# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One more service: a folder and a group in a repository of the user's own, and nothing edited anywhere else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.lab import CHECKOUT
from tests.integration.fleet import Fleet
from tests.integration.own_repository import own_service

NAME = "status_codes"
REPOSITORY = Path(__file__).parent / "third_service"
ROOMS = ("ansible.cfg", "galaxy.yml", "inventories", "meta", "playbooks", "plugins", "roles")


def fingerprint() -> dict[str, str]:
    """Of each file in the checkout that a release could depend on."""
    found = {}
    for room in ROOMS:
        place = CHECKOUT / room
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and "__pycache__" not in file.parts:
                found[str(file.relative_to(CHECKOUT))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


@pytest.fixture
def theirs(fleet: Fleet, tmp_path: Path) -> Iterator[Fleet]:
    """The same fleet as a user sees it who has the collection, and one service in a repository of their own."""
    with own_service(fleet, NAME, REPOSITORY, tmp_path / "repository", [f"/etc/nginx/conf.d/{NAME}.conf"]) as user:
        yield user


def test_a_third_service_is_a_folder_and_a_group(theirs: Fleet) -> None:
    before = fingerprint()
    service = theirs.lab.services[NAME]
    old, new = service.versions
    theirs.must("golden.fleet.artifacts", service=NAME)
    theirs.must("golden.fleet.provision", service=NAME)
    tried = theirs.must("golden.fleet.rollout", "--check", "--diff", service=NAME, version=old)
    assert re.search(rf"^\+.*{re.escape(old)}", tried.output, re.MULTILINE), tried.tail()
    for member in service.members:
        left = theirs.on(member, "find", "/srv", "-path", f"*/{NAME}/*", "-name", old)
        assert not left, "check mode brought nothing there"
    theirs.must("golden.fleet.rollout", service=NAME, version=old)
    with theirs.watched(NAME) as seen:
        theirs.must("golden.fleet.rollout", service=NAME, version=new)
        assert set(theirs.active(NAME).values()) == {new}
        theirs.must("golden.fleet.rollback", service=NAME)
    assert set(theirs.active(NAME).values()) == {old}
    seen[0].assert_nothing_lost(service.floor)
    assert seen[0].versions == {old, new}, "customers got both, through the balancers"
    assert not any(theirs.leases(NAME).values())
    status = theirs.must("golden.fleet.status").output
    assert all(f"{name}: " in status for name in theirs.lab.services), "beside the others, under one command"
    assert theirs.must("golden.fleet.provision", service=NAME).changed == 0
    assert fingerprint() == before, "nothing outside the user's repository was edited"
