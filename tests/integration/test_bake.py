# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images: a bake whose controller dies, one that proves wrong, and what must never be in one."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.fleet import Fleet

SERVICE = "swagger_ui"
CANARY = "canary-5d1c0f7e"
# A command of the release with a secret in it, as an environment may give one from its vault.
SECRETIVE = {"release": {"prepare": [["sh", "-c", f"test {CANARY} = {CANARY}"]]}}
# A host that is whole in all but this: it never answers as the contract says.
WRONG = {"health": {"path": "/nothing-here", "timeout_seconds": 3}}


def repository(fleet: Fleet) -> str:
    return f"localhost/{fleet.container('')[:-1]}/{SERVICE}"


def images(fleet: Fleet) -> list[str]:
    """The tags of the service's images: <state>-<key>."""
    found = fleet.podman("images", "--format", "{{.Tag}}", "--filter", f"reference={repository(fleet)}")
    return sorted(found.split())


def record_of(fleet: Fleet, tag: str) -> dict[str, Any]:
    """What the catalogue says of an image."""
    found = fleet.podman("images", "--format", "json", "--filter", f"reference={repository(fleet)}:{tag}")
    return json.loads(json.loads(found)[0]["Labels"]["golden.fleet.record"])


def hosts_of_bakes(fleet: Fleet) -> list[str]:
    names = fleet.podman("ps", "--all", "--format", "{{.Names}}").split()
    return [name for name in names if name.startswith((fleet.container("bake-"), fleet.container("build-")))]


def test_a_bake_whose_controller_is_killed_is_finished_by_the_same_command(fleet: Fleet, tmp_path: Path) -> None:
    for tag in images(fleet):  # of an earlier session in the same lab
        fleet.podman("rmi", f"{repository(fleet)}:{tag}")
    asked = {"service": SERVICE, f"{SERVICE}_contract": SECRETIVE}
    run = fleet.start("bake", **asked)
    run.reached(r"bake: TASK \[Apply the meta-role")
    run.kill()
    # Its Packer goes on, and is waited for. What then stands in the way of the proof is not the image's fault.
    hindered = fleet.play("bake", provider_podman_capabilities=["NO_SUCH_ONE"], **asked)
    assert hindered.process.returncode != 0
    assert "waiting: the Packer of an earlier bake is still under way" in hindered.output
    assert "could not be proven, and stays a candidate that the next bake proves: " in hindered.output
    (candidate,) = images(fleet)
    assert candidate.startswith("candidate-")
    both = [fleet.start("bake", **asked), fleet.start("bake", **asked)]
    assert [one.wait() for one in both] == [0, 0]
    assert sorted("is proven" in one.output for one in both) == [False, True], "they wait for each other"
    (good,) = images(fleet)
    assert good.startswith("good-")
    assert hosts_of_bakes(fleet) == []
    once_more = fleet.must("bake", **asked)
    assert "nothing that goes into it has changed" in once_more.output
    assert once_more.changed == 0
    _assert_nowhere_in(fleet, good, tmp_path / "image.tar")


def test_a_rollout_bakes_at_its_end_where_the_contract_says_so(fleet: Fleet) -> None:
    version = fleet.active_on(SERVICE, "web1")
    asked = {
        "service": SERVICE,
        "version": version,
        f"{SERVICE}_contract": {**SECRETIVE, "bake": {"after_rollout": True}},
    }
    run = fleet.must("rollout", **asked)
    assert "nothing that goes into it has changed" in run.output, "as baked by the test before"
    failing = fleet.must("rollout", fleet_provider="nowhere", **asked)
    assert "The rollout stands, every member serves it; but its bake failed: " in failing.output
    assert "ignored=1" in failing.output


def test_a_rollback_bakes_after_it_has_marked_what_was_left(fleet: Fleet) -> None:
    old, new = fleet.lab.services[SERVICE].versions
    fleet.must("rollout", service=SERVICE, version=new)
    # Nobody waits for this image: what goes into it is shown before.
    asks = {f"{SERVICE}_contract": {"bake": {"after_rollout": True, "timeout_seconds": 1}}}
    run = fleet.must("rollback", service=SERVICE, bad="for the test", **asks)
    assert f"release {new} is gone" in run.output, "there is no way back to what is bad"
    assert re.search(r"The rollout stands, .* was stopped at its time limit of 1 s", run.output)
    assert set(fleet.active(SERVICE).values()) == {old}
    assert hosts_of_bakes(fleet) == [], "Packer has removed what it worked in"


def test_an_image_of_a_member_whose_bake_is_killed_while_the_member_is_out(fleet: Fleet) -> None:
    asked = {"service": SERVICE, f"{SERVICE}_contract": {"bake": {"from": "member"}}}
    run = fleet.start("bake", **asked)
    run.reached("Copy its disk")
    run.kill()
    (out,) = fleet.leases(SERVICE)["lb1"]
    with fleet.watched(SERVICE) as seen:
        again = fleet.must("bake", **asked)
    seen[0].assert_nothing_lost(fleet.lab.services[SERVICE].floor)
    assert not any(fleet.leases(SERVICE).values())
    members = list(fleet.lab.services[SERVICE].members)
    assert fleet.online(SERVICE) == {"lb1": members, "lb2": members}
    (made,) = re.findall(r"the image (\w+) is baked", again.output)
    assert record_of(fleet, f"good-{made}")["from"] == out
    assert fleet.must("bake", **asked).changed == 0


def test_check_mode_says_that_it_would_bake(fleet: Fleet) -> None:
    before = images(fleet)
    run = fleet.must("bake", "--check", service=SERVICE, **{f"{SERVICE}_contract": WRONG})
    assert "would be baked" in run.output
    assert run.changed == 1
    assert images(fleet) == before


def _assert_nowhere_in(fleet: Fleet, tag: str, archive: Path) -> None:
    """Searches every layer of the image, as it is carried to another machine: an archive that is not compressed."""
    fleet.podman("save", "--output", str(archive), f"{repository(fleet)}:{tag}")
    assert subprocess.run(["grep", "--quiet", "--text", "swagger_ui", archive]).returncode == 0, "it can be searched"
    assert subprocess.run(["grep", "--quiet", "--text", CANARY, archive]).returncode == 1


def test_an_image_that_proves_wrong_is_kept_aside_and_changes_nothing_else(fleet: Fleet) -> None:
    before = images(fleet)
    run = fleet.play("bake", service=SERVICE, **{f"{SERVICE}_contract": WRONG})
    assert run.process.returncode != 0
    assert "is bad and kept aside" in run.output
    assert "not healthy after 3 s" in run.output
    (bad,) = set(images(fleet)) - set(before)
    assert bad.startswith("bad-")
    assert set(before) <= set(images(fleet))
    assert hosts_of_bakes(fleet) == []
    assert bad.removeprefix("bad-") in fleet.must("images", service=SERVICE).output


def test_a_release_that_is_not_good_everywhere_is_refused_before_anything_is_made(fleet: Fleet) -> None:
    before = images(fleet)
    run = fleet.play("bake", service=SERVICE, version="9.9.9")
    assert run.process.returncode != 0
    assert "9.9.9 was not proven good on every member; good on all of them:" in run.output
    assert images(fleet) == before
