# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one run of a playbook has to hold for more than one service, rollout or environment."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import yaml

from tests.integration.conftest import SERVICE, versions
from tests.integration.fleet import INVENTORY, STATE, Fleet

OTHER = "swagger_ui"


def test_several_rollouts_in_one_run_of_ansible(fleet: Fleet, tmp_path: Path) -> None:
    old, new = versions(fleet)
    before = fleet.active_on(OTHER, "web1")
    there = next(version for version in fleet.lab.services[OTHER].versions if version != before)
    carried = [(SERVICE, new), (OTHER, there), (SERVICE, old)]
    story = [
        {"import_playbook": "golden.fleet.rollout", "vars": {"service": service, "version": version}}
        for service, version in carried
    ]
    (tmp_path / "story.yml").write_text(yaml.safe_dump(story), encoding="utf-8")
    with fleet.watched(SERVICE, OTHER) as seen:
        fleet.must(str(tmp_path / "story.yml"))
    assert [one.versions for one in seen] == [{old, new}, {before, there}], "each of them was carried"
    for one, service in zip(seen, (SERVICE, OTHER), strict=True):
        one.assert_nothing_lost(fleet.lab.services[service].floor)
    assert set(fleet.active(SERVICE).values()) == {old}
    assert set(fleet.active(OTHER).values()) == {there}
    assert fleet.must(str(tmp_path / "story.yml"), "--check").process.returncode == 0


def test_an_environment_overrides_a_contract_in_every_playbook_without_naming_the_service(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "group_vars").mkdir()
    override = {f"{SERVICE}_contract": {"pool": {"domain": "elsewhere.fleet.test", "floor": 1}}}
    (tmp_path / "group_vars" / "all.yml").write_text(yaml.safe_dump(override), encoding="utf-8")
    (tmp_path / "hosts.yml").write_text("all: {}\n", encoding="utf-8")
    other = replace(fleet, inventories=(INVENTORY, tmp_path))
    shown = other.must("provision", "--check", "--diff").output
    assert re.search(r"^\+.*elsewhere\.fleet\.test", shown, re.MULTILINE), shown[-2000:]
    other.must("status")
    assert other.must("reconcile").changed == 0


def test_a_balancer_that_lost_all_its_state_is_brought_back(fleet: Fleet) -> None:
    old, _ = versions(fleet)
    members = list(fleet.lab.services[SERVICE].members)
    fleet.on("lb1", "sh", "-c", f"systemctl stop haproxy && rm -r {STATE}")
    fleet.must("provision")
    fleet.must("reconcile")
    assert fleet.online(SERVICE) == {"lb1": members, "lb2": members}
    assert fleet.must("rollout", service=SERVICE, version=old).changed == 0
    assert not any(fleet.leases(SERVICE).values())
