# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Artifacts: the same recipe gives the same bytes, and one that didn't change isn't run again."""

from __future__ import annotations

import json
import os
import tarfile

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _artifact as artifact

RECIPE = """
import os, pathlib
out = pathlib.Path(os.environ["RELEASE_OUT"])
(out / "bin").mkdir()
for name in ("b", "a"):
    (out / name).write_text(name + os.environ["RELEASE_SERVICE"] + os.environ["RELEASE_VERSION"])
(out / "bin" / "run").write_text("#!/bin/sh")
(out / "bin" / "run").chmod(0o700)
(out / "to-a").symlink_to("a")
"""


@pytest.fixture
def contract(tmp_path):
    folder = tmp_path / "roles" / "shop"
    (folder / "artifact").mkdir(parents=True)
    (folder / "artifact" / "build.py").write_text(RECIPE)
    return {"service": "shop", "folder": str(folder), "artifact": {"build": ["{python}", "artifact/build.py"]}}


def entries(folder):
    with tarfile.open(folder / "shop-1.0.tar.gz") as tar:
        return [(e.name, e.uid, e.uname, oct(e.mode)) for e in tar.getmembers()]


def test_the_same_recipe_gives_the_same_bytes_and_the_manifest_says_which(contract, tmp_path, monkeypatch):
    first, built = artifact.build(contract, "1.0", tmp_path / "one" / "1.0")
    assert built
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    usual = os.umask(0o077)
    try:
        second, _ = artifact.build(contract, "1.0", tmp_path / "two" / "1.0")
    finally:
        os.umask(usual)
    assert first["sha256"] == second["sha256"]
    assert json.loads((tmp_path / "one" / "1.0" / "manifest.json").read_text()) == first
    assert (first["artifact"], first["service"], first["version"]) == ("shop-1.0.tar.gz", "shop", "1.0")
    assert first["size"] == (tmp_path / "one" / "1.0" / "shop-1.0.tar.gz").stat().st_size


def test_entries_are_sorted_and_say_nothing_of_the_builder(contract, tmp_path):
    artifact.build(contract, "1.0", tmp_path / "1.0")
    assert entries(tmp_path / "1.0") == [
        ("a", 0, "root", "0o644"),
        ("b", 0, "root", "0o644"),
        ("bin", 0, "root", "0o755"),
        ("bin/run", 0, "root", "0o755"),
        ("to-a", 0, "root", "0o755"),
    ]


def test_a_files_time_tells_contents_of_one_size_apart():
    assert artifact.time_of(b'{"version": "0.0.9"}') != artifact.time_of(b'{"version": "1.1.0"}')


def test_what_did_not_change_is_not_built_again(contract, tmp_path):
    artifact.build(contract, "1.0", tmp_path / "1.0")
    _, built = artifact.build(contract, "1.0", tmp_path / "1.0")
    assert not built
    assert sorted(path.name for path in tmp_path.iterdir()) == [".1.0.lock", "1.0", "roles"]


def test_a_cached_artifact_that_was_damaged_is_built_again(contract, tmp_path):
    artifact.build(contract, "1.0", tmp_path / "1.0")
    (tmp_path / "1.0" / "shop-1.0.tar.gz").write_bytes(b"damaged")
    _, built = artifact.build(contract, "1.0", tmp_path / "1.0")
    assert built


def change_recipe(contract, folder):
    (folder / "artifact" / "build.py").write_text(RECIPE + "# another word")


def change_argv(contract, folder):
    contract["artifact"]["build"].append("--verbose")


def change_mode(contract, folder):
    (folder / "artifact" / "build.py").chmod(0o755)


def change_readme(contract, folder):
    (folder / "README.md").write_text("what it is for")


def compile_recipe(contract, folder):
    (folder / "artifact" / "__pycache__").mkdir()
    (folder / "artifact" / "__pycache__" / "build.pyc").write_bytes(b"x")


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        pytest.param(change_recipe, True, id="another recipe is another input"),
        pytest.param(change_argv, True, id="another command is another input"),
        pytest.param(change_mode, True, id="a file that became a program is another input"),
        pytest.param(change_readme, False, id="what lies beside the recipe is none"),
        pytest.param(compile_recipe, False, id="what Python leaves behind is none"),
    ],
)
def test_inputs(contract, tmp_path, change, matters):
    before = artifact.inputs(contract, "1.0")
    change(contract, tmp_path / "roles" / "shop")
    assert (artifact.inputs(contract, "1.0") != before) is matters


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param([], "says nothing at artifact.build", id="no recipe"),
        pytest.param(["/nowhere/recipe"], "/nowhere/recipe", id="a command that isn't there"),
        pytest.param(["sh", "-c", "echo no wheel; exit 3"], "status 3 and said: no wheel", id="a recipe that fails"),
        pytest.param(["true"], "RELEASE_OUT empty", id="a recipe that makes nothing"),
    ],
)
def test_a_recipe_that_fails_leaves_nothing_behind(contract, tmp_path, command, said):
    contract["artifact"]["build"] = command
    with pytest.raises(artifact.ArtifactError, match=r"shop") as error:
        artifact.build(contract, "1.0", tmp_path / "out" / "1.0")
    assert said in str(error.value)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".1.0.lock"]
