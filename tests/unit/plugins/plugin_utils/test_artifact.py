# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Artifacts: the same recipe gives the same bytes, and one that didn't change isn't run again."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import zipfile

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.unpack import unpack
from ansible_collections.golden.fleet.plugins.plugin_utils import _artifact as artifact
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact_archive import time_of

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
    said = {"build": ["{python}", "artifact/build.py"], "format": "tar"}
    return {"service": "shop", "folder": str(folder), "artifact": said}


@pytest.fixture
def zipped(contract, tmp_path):
    """The contract of a service whose artifacts are zips; the recipe makes no link."""
    recipe = tmp_path / "roles" / "shop" / "artifact" / "build.py"
    recipe.write_text(RECIPE.replace('(out / "to-a")', '(out / "empty").mkdir() #'))
    contract["artifact"]["format"] = "zip"
    return contract


@pytest.fixture(params=["tar", "zip"])
def either(request, contract):
    """The contract, once for each format."""
    return request.getfixturevalue("zipped") if request.param == "zip" else contract


def entries(folder):
    with tarfile.open(folder / "shop-1.0.tar.gz") as tar:
        return [(e.name, e.uid, e.uname, oct(e.mode)) for e in tar.getmembers()]


def test_the_same_recipe_gives_the_same_bytes_and_the_manifest_says_which(either, tmp_path, monkeypatch):
    contract = either
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
    name = {"tar": "shop-1.0.tar.gz", "zip": "shop-1.0.zip"}[contract["artifact"]["format"]]
    assert (first["artifact"], first["service"], first["version"]) == (name, "shop", "1.0")
    assert first["size"] == (tmp_path / "one" / "1.0" / name).stat().st_size
    assert first["unpacked_bytes"] == len("ashop1.0") + len("bshop1.0") + len("#!/bin/sh")
    assert first["files"] == 5  # a, b, bin, bin/run, and the link or the empty folder


def test_entries_are_sorted_and_say_nothing_of_the_builder(contract, tmp_path):
    artifact.build(contract, "1.0", tmp_path / "1.0")
    assert entries(tmp_path / "1.0") == [
        ("a", 0, "root", "0o644"),
        ("b", 0, "root", "0o644"),
        ("bin", 0, "root", "0o755"),
        ("bin/run", 0, "root", "0o755"),
        ("to-a", 0, "root", "0o755"),
    ]


def test_a_tar_is_compressed_in_pieces_that_its_index_tells_apart(contract, tmp_path):
    with (tmp_path / "roles" / "shop" / "artifact" / "build.py").open("a") as recipe:
        recipe.write('[(out / f"large{n}").write_bytes(os.urandom(100_000)) for n in range(5)]\n')
    manifest, _ = artifact.build(contract, "1.0", tmp_path / "1.0")
    whole = (tmp_path / "1.0" / manifest["artifact"]).read_bytes()
    packed = (tmp_path / "1.0" / manifest["index"]["file"]).read_bytes()
    assert (manifest["index"]["size"], manifest["index"]["sha256"]) == (len(packed), hashlib.sha256(packed).hexdigest())
    index = json.loads(gzip.decompress(packed))
    assert (index["format"], index["sha256"]) == (1, manifest["sha256"])
    assert len(index["pieces"]) == 3
    first, plain = 0, b""
    for piece in index["pieces"]:
        content = whole[first : first + piece["size"]]
        assert hashlib.sha256(content).hexdigest() == piece["sha256"]
        first, plain = first + piece["size"], plain + gzip.decompress(content)
    assert (first, plain) == (len(whole), gzip.decompress(whole))
    members = [member for piece in index["pieces"] for member in piece["members"]]
    assert [member[1] for member in members] == [name for name, *_ in entries(tmp_path / "1.0")]
    assert members[0] == ["file", "a", 0o644, time_of(b"ashop1.0"), 8, hashlib.sha256(b"ashop1.0").hexdigest()]
    assert [member for member in members if member[0] != "file"] == [["folder", "bin", 0o755], ["link", "to-a", "a"]]


def test_a_zip_is_sorted_and_says_nothing_of_the_builder(zipped, tmp_path):
    artifact.build(zipped, "1.0", tmp_path / "1.0")
    with zipfile.ZipFile(tmp_path / "1.0" / "shop-1.0.zip") as found:
        assert [(e.filename, oct(e.external_attr >> 16), e.extra) for e in found.infolist()] == [
            ("a", "0o100644", b""),
            ("b", "0o100644", b""),
            ("bin/", "0o40755", b""),
            ("bin/run", "0o100755", b""),
            ("empty/", "0o40755", b""),
        ]
        assert all(
            2001 <= e.date_time[0] <= 2010 and e.is_dir() == bool(e.external_attr & 0x10) for e in found.infolist()
        )
        assert found.getinfo("a").date_time != found.getinfo("b").date_time


def test_hosts_make_of_a_zip_what_they_make_of_a_tar(contract, zipped, tmp_path):
    trees = {}
    for kind in ("tar", "zip"):
        zipped["artifact"]["format"] = kind
        manifest, _ = artifact.build(zipped, "1.0", tmp_path / kind / "1.0")
        into = tmp_path / f"unpacked-{kind}"
        into.mkdir()
        unpack(
            str(tmp_path / kind / "1.0" / manifest["artifact"]),
            str(into),
            manifest["unpacked_bytes"],
            manifest["files"],
        )
        found = sorted(into.rglob("*"))
        trees[kind] = [
            (
                p.relative_to(into).as_posix(),
                p.stat().st_mode,
                p.is_file() and (p.read_bytes(), int(p.stat().st_mtime) & ~1),
            )
            for p in found
        ]
    assert trees["tar"] == trees["zip"]
    assert [name for name, *_ in trees["zip"]] == ["a", "b", "bin", "bin/run", "empty"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param('(out / "to-a").symlink_to("a")', "'to-a' is a link or the like", id="a link"),
        pytest.param('os.mkfifo(out / "pipe")', "'pipe' is a link or the like", id="a pipe"),
        pytest.param('(out / "A").write_text("")', "'A' are one name on Windows|'a' and 'A'", id="two names in one"),
        pytest.param('(out / "12:30").write_text("")', "'12:30' is no name", id="a colon, which makes a stream"),
        pytest.param('(out / "bin" / "a.").write_text("")', "'bin/a.' is no name", id="a dot at the end, which goes"),
        pytest.param('(out / "a\\\\b").write_text("")', "is no name", id="a backslash"),
        pytest.param('(out / "Aux.txt").write_text("")', "'Aux.txt' is no name", id="a device"),
    ],
)
def test_what_a_zip_cant_bring_to_windows_is_refused(zipped, tmp_path, more, said):
    with (tmp_path / "roles" / "shop" / "artifact" / "build.py").open("a") as recipe:
        recipe.write(more + "\n")
    with pytest.raises(artifact.ArtifactError, match=said):
        artifact.build(zipped, "1.0", tmp_path / "1.0")
    assert not (tmp_path / "1.0").exists()


def test_names_that_only_look_like_devices_are_taken(zipped, tmp_path):
    with (tmp_path / "roles" / "shop" / "artifact" / "build.py").open("a") as recipe:
        recipe.write(
            '[(out / name).write_text("") for name in ("auxiliary", "com10", "contract.yml", "nullable.cs")]\n'
        )
    assert artifact.build(zipped, "1.0", tmp_path / "1.0")[1]


def test_a_files_time_tells_contents_of_one_size_apart():
    assert time_of(b'{"version": "0.0.9"}') != time_of(b'{"version": "1.1.0"}')


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


def test_a_cached_artifact_without_its_index_is_built_again(contract, tmp_path):
    manifest, _ = artifact.build(contract, "1.0", tmp_path / "1.0")
    (tmp_path / "1.0" / manifest["index"]["file"]).unlink()
    assert artifact.build(contract, "1.0", tmp_path / "1.0")[1]


def change_recipe(contract, folder):
    (folder / "artifact" / "build.py").write_text(RECIPE + "# another word")


def change_argv(contract, folder):
    contract["artifact"]["build"].append("--verbose")


def change_format(contract, folder):
    contract["artifact"]["format"] = "zip"


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
        pytest.param(change_format, True, id="another format is another input"),
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
