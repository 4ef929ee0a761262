# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the bake has left: one good image of what is served, by podman's own word, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import testinfra

SERVICE = "swagger_ui"
INVENTORY = Path(__file__).resolve().parents[3] / "build" / "molecule" / "hosts.yml"
CONTROLLER = testinfra.get_host("local://")


def podman(words: str) -> Any:
    return json.loads(CONTROLLER.check_output(f"podman {words} --format json"))


@pytest.fixture(scope="module")
def lab_name() -> str:
    first = INVENTORY.read_text(encoding="utf-8").partition("\n")[0]
    return first.partition("for the lab ")[2].partition(":")[0]


@pytest.fixture(scope="module")
def image(lab_name: str) -> dict[str, Any]:
    (found,) = podman(f"images --filter reference=localhost/{lab_name}/{SERVICE}")
    return found


def test_there_is_one_image_and_it_is_good(image: dict[str, Any]) -> None:
    (name,) = image["Names"]
    assert name.rpartition(":")[2].startswith("good-")


def test_its_record_says_what_went_into_it(image: dict[str, Any]) -> None:
    record = json.loads(image["Labels"]["golden.fleet.record"])
    assert [release["version"] for release in record["releases"]] == ["1.1.0", "0.0.9"], "and the way back"
    assert record["proof"]["passed"]
    assert "pages" in record["proof"]["message"], "the service's own gate was run"
    assert record["packages"]["nginx"]
    ours = dict(line.split("\t") for line in CONTROLLER.check_output("dpkg-query --show").splitlines())
    assert record["packages"] != ours, "the packages are the host's and not the controller's"
    assert "roles/static_site/tasks/main.yml" in record["inputs"]


def test_no_host_of_the_bake_is_left(lab_name: str) -> None:
    names = [name for entry in podman("ps --all") for name in entry["Names"] if name.startswith(f"{lab_name}-")]
    assert not [name for name in names if "bake" in name or "build" in name]
