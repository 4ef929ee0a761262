# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The benches still run, on few hosts and once, and report all that they should; how fast is for `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from demo.lab import CHECKOUT, tool

FOLDER = CHECKOUT / "build" / "integration" / "bench"
BENCHES = [file for file in sorted((CHECKOUT / "tests" / "bench").glob("*.py")) if "ArgumentParser" in file.read_text()]


@pytest.fixture(scope="module")
def lab() -> Iterator[None]:
    """Takes down the lab that the benches share; not the one that a person's bench has kept."""
    yield
    files = {"lab_files": str(FOLDER / "lab"), "lab_inventory": str(FOLDER / "inventory" / "hosts.yml")}
    command = [tool("ansible-playbook"), "playbooks/lab_down.yml", "-i", str(FOLDER / "inventory")]
    subprocess.run([*command, "-e", json.dumps(files)], cwd=CHECKOUT, check=True, capture_output=True)


def bench(name: str, *options: str) -> tuple[dict[str, Any], str]:
    """What it wrote and what it said; on so few hosts it may well miss its limits."""
    report = FOLDER / f"{name}.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"tests.bench.{name}", *options]
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "BENCH_FOLDER": str(FOLDER)}, capture_output=True, text=True
    )
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8")), done.stdout


@pytest.mark.usefixtures("lab")
def test_stage_and_switch_beside_what_people_use() -> None:
    report, said = bench("stage_and_switch", "--hosts", "2", "--runs", "1", "--keep")
    steps = report["medians"]["2"]
    assert set(steps) == {"rollout", "rollback"}
    for units in steps.values():
        assert set(units) == {"clock", "processor"}
        for sides in units.values():
            assert set(sides) == {"stock", "ours", "pyinfra", "fabric"}
            assert all(figure > 0 for figure in sides.values())
    assert len(report["results"]) == 5
    assert all(row["what"] in said for row in report["results"])
    assert all((FOLDER / f"stage_and_switch.{kind}").stat().st_size > 1000 for kind in ("svg", "png"))


@pytest.mark.usefixtures("lab")
def test_a_switch_at_once() -> None:
    report, said = bench("switch_at_once", "--hosts", "2", "--runs", "1", "--keep")
    assert set(report["medians"]) == {"spread", "command"}
    assert "first to last switch" in said


@pytest.mark.usefixtures("lab")
def test_an_artifact_by_a_relay_that_is_killed_in_the_end() -> None:
    options = ["--hosts", "2", "--relays", "1", "--megabytes", "2", "--link", "1", "--runs", "1", "--keep"]
    report, said = bench("artifact_fan_out", *options)
    assert set(report["rows"]) == {"one", "all", "with a relay killed"}
    assert report["sent"] == 1
    assert "artifacts out of the store" in said


@pytest.mark.usefixtures("lab")
def test_a_release_as_a_delta() -> None:
    report, _ = bench("artifact_delta", "--megabytes", "2", "--files", "20", "--runs", "1", "--keep")
    sent = {way: rows[0]["bytes"] for way, rows in report["rows"].items()}
    assert sent["whole"] > 2_000_000 > 5 * sent["delta"]


@pytest.mark.parametrize("name", [file.stem for file in BENCHES])
def test_each_can_be_started(name: str) -> None:
    """Also those that take minutes in a small form."""
    command = [sys.executable, "-m", f"tests.bench.{name}", "--help"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
