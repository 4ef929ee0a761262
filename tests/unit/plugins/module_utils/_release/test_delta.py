# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Only what differs travels, and what is there afterwards is what the artifact holds, whatever the host had before."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from pathlib import Path

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release import delta
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact import _manifest
from ansible_collections.golden.fleet.plugins.plugin_utils._artifact_archive import pack


def fill(folder, versions):
    """40 files of 20 kB, each by its version; a folder, a link and a program besides."""
    (folder / "empty").mkdir(parents=True)
    for number in range(40):
        version = versions.get(number, 0)
        content = random.Random(f"{number} {version}").randbytes(20_000)  # noqa: S311
        (folder / f"{number:02}.bin").write_bytes(content)
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("run")


@pytest.fixture
def ship(tmp_path, store):
    """Puts a release into the store; returns what a rollout would tell a host."""

    def run(version, versions=None, more=lambda folder: None):
        folder = tmp_path / "built" / version
        fill(folder, versions or {})
        more(folder)
        archive = tmp_path / f"web-{version}.tar.gz"
        manifest = _manifest("web", version, archive, pack(folder, archive, "tar"), {})
        index = manifest["index"]
        for file in (manifest["artifact"], index["file"]):
            store.files[f"/web/{file}"] = (tmp_path / file).read_bytes()
        told = {"url": f"{store.base}/web/{index['file']}", "sha256": index["sha256"], "size": index["size"]}
        url = f"{store.base}/web/{manifest['artifact']}"
        return {"url": url, "sha256": manifest["sha256"], "size": manifest["size"], "index": told, "retries": 0}

    return run


@pytest.fixture
def carried(release, ship, store):
    """A host with release 1 in use."""
    assert release("1", "staged", **ship("1"))["changed"]
    assert release("1", "active")["changed"]
    store.requests.clear()
    store.sent = 0


def tree_of(folder: Path):
    """All that a client could tell: names, kinds, modes, times and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (
            oct(state.st_mode),
            path.is_file() and not path.is_symlink() and int(state.st_mtime),
            content,
        )
    return found


@pytest.fixture
def as_whole(release, root, tmp_path):
    """Whether a release on the host is what another host makes of the whole artifact."""

    def run(version, shipped):
        elsewhere = tmp_path / "elsewhere" / version
        whole = {**shipped, "index": None, "root": str(elsewhere)}
        assert release(version, "staged", **whole)["changed"]
        return tree_of(root / "releases" / version) == tree_of(elsewhere / "releases" / version)

    return run


@pytest.mark.usefixtures("carried")
def test_one_changed_file_brings_its_piece_along_and_no_more(release, ship, store, as_whole):
    shipped = ship("2", {7: 1})
    result = release("2", "staged", **shipped)
    assert result["changed"], result
    assert f"staged 2 from 1 and {store.sent} of an artifact's {shipped['size']} bytes" in result["msg"]
    assert store.sent < shipped["size"] / 4
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_the_same_content_again_costs_the_index_alone(release, ship, store, as_whole):
    shipped = ship("2")
    assert release("2", "staged", **shipped)["changed"]
    assert [request["path"] for request in store.requests] == ["/web/web-2.tar.gz.index.gz"]
    assert as_whole("2", shipped)


def swap(folder):
    (folder / "07.bin").unlink()
    (folder / "07.bin").mkdir()
    (folder / "07.bin" / "inside").write_text("a folder now")
    (folder / "empty").rmdir()
    (folder / "empty").write_text("a file now")
    (folder / "link").unlink()
    (folder / "link").symlink_to("00.bin")
    (folder / "08.bin").unlink()
    os.link(folder / "09.bin", folder / "08.bin")  # in the archive, 09.bin is a hard link to it
    (folder / "run").chmod(0o644)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe name")).write_text("in no encoding")


@pytest.mark.usefixtures("carried")
def test_whatever_changed_it_is_what_the_artifact_holds(release, ship, as_whole):
    shipped = ship("2", {20: 1}, swap)
    result = release("2", "staged", **shipped)
    assert "staged 2 from 1 and" in result["msg"], result
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_where_much_differs_the_whole_travels(release, ship, store):
    shipped = ship("2", dict.fromkeys(range(40), 1))
    result = release("2", "staged", **shipped)
    assert "whole, as too much of it differs" in result["msg"], result


def test_the_first_release_travels_whole_and_no_index_is_asked_for(release, ship, store):
    assert release("1", "staged", **ship("1"))["changed"]
    assert [request["path"] for request in store.requests] == ["/web/web-1.tar.gz"]


@pytest.mark.usefixtures("carried")
def test_a_file_in_use_that_was_edited_is_not_taken(release, ship, root, as_whole):
    edited = root / "releases" / "1" / "30.bin"
    state = edited.stat()
    edited.write_bytes(b"x" * state.st_size)
    os.utime(edited, (state.st_mtime, state.st_mtime))
    shipped = ship("2", {7: 1})
    result = release("2", "staged", **shipped)
    assert "whole, as what is in use was edited" in result["msg"], result
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_a_file_in_use_that_became_a_link_is_not_followed(release, ship, root, tmp_path, as_whole):
    outside = tmp_path / "secret"
    edited = root / "releases" / "1" / "30.bin"
    edited.rename(outside)
    edited.symlink_to(outside)
    shipped = ship("2", {7: 1})
    assert "staged 2 from 1 and" in release("2", "staged", **shipped)["msg"]
    assert as_whole("2", shipped)


def _gone(store, shipped):
    del store.files["/web/web-2.tar.gz.index.gz"]


def _another(store, shipped):
    store.files["/web/web-2.tar.gz.index.gz"] = gzip.compress(b"{}")


def _piece(store, shipped):
    # From here on, the artifact differs from what its index says; the whole one is refused as well, by its sha256.
    whole = bytearray(store.files["/web/web-2.tar.gz"])
    whole[len(whole) // 2] ^= 1
    store.files["/web/web-2.tar.gz"] = bytes(whole)


@pytest.mark.usefixtures("carried")
@pytest.mark.parametrize("harm", [_gone, _another])
def test_an_index_that_is_gone_or_another_one_costs_the_whole(release, ship, store, as_whole, harm):
    store.content = b"not there"
    shipped = ship("2", {7: 1})
    harm(store, shipped)
    result = release("2", "staged", **shipped)
    assert "whole, as" in result["msg"], result
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_a_damaged_artifact_is_refused_whichever_way_it_comes(release, ship, store, root):
    shipped = ship("2", {20: 1})
    _piece(store, shipped)
    result = release("2", "staged", **shipped)
    assert (result["failed"], result["kind"]) == (True, "checksum"), result
    assert sorted(path.name for path in (root / "releases").iterdir()) == ["1"]


def rewritten(store, shipped, change):
    """An index that the manifest vouches for, but that says something else."""
    index = json.loads(gzip.decompress(store.files["/web/web-2.tar.gz.index.gz"]))
    packed = change(index) or gzip.compress(json.dumps(index).encode())
    store.files["/web/web-2.tar.gz.index.gz"] = packed
    shipped["index"] |= {"sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}


def _outside(index):
    index["pieces"][0]["members"][0] = ["folder", "../../../../outside", 0o755]


def _link_outside(index):
    index["pieces"][0]["members"].append(["link", "out", "../../../.."])


def _lengths(index):
    index["pieces"][0]["size"] += 1


def _format(index):
    index["format"] = 2


def _nonsense(index):
    index["pieces"] = [{"size": index["pieces"][0]["size"], "members": "no"}]


def _bomb(index):
    index["more"] = "0" * 300_000_000


def _no_gzip(index):
    return json.dumps(index).encode()


def _cut(index):
    return gzip.compress(json.dumps(index).encode())[:100]


def _deep(index):
    return gzip.compress(b"[" * 100_000)


@pytest.mark.usefixtures("carried")
@pytest.mark.parametrize(
    "change", [_outside, _link_outside, _lengths, _format, _nonsense, _bomb, _no_gzip, _cut, _deep]
)
def test_an_index_that_makes_no_sense_costs_the_whole_and_nothing_else(
    release, ship, store, as_whole, tmp_path, change
):
    shipped = ship("2", {39: 1})
    rewritten(store, shipped, change)
    result = release("2", "staged", **shipped)
    assert "whole, as" in result["msg"], result
    assert as_whole("2", shipped)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.usefixtures("carried")
def test_a_relay_brings_the_pieces_too(release, ship, store, relay):
    shipped = ship("2", {7: 1, 30: 1})
    relay.files = store.files
    result = release("2", "staged", relays=[relay.base], **shipped)
    assert f"bytes by {relay.base}" in result["msg"], result
    assert (store.requests, len(relay.requests)) == ([], 3)


@pytest.mark.usefixtures("carried")
def test_a_relay_that_dies_between_the_pieces_is_passed_by(release, ship, store, relay, as_whole):
    shipped = ship("2", {7: 1, 30: 1})
    relay.files = store.files
    relay.faults = [("", 0), ("cut", 1000)]
    result = release("2", "staged", relays=[relay.base], **shipped)
    assert "staged 2 from 1 and" in result["msg"], result
    assert (len(relay.requests), len(store.requests)) == (2, 2)
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_a_store_without_ranges_sends_the_whole(release, ship, store, as_whole):
    shipped = ship("2", {7: 1})
    store.faults = [("", 0), ("no ranges", 0)]
    result = release("2", "staged", **shipped)
    assert "knows no ranges" in result["msg"], result
    assert as_whole("2", shipped)


@pytest.mark.usefixtures("carried")
def test_what_is_prepared_stays_out_of_it(release, ship, root):
    """The release in use holds what its commands made, which the next one makes anew."""
    (root / "releases" / "1" / "made").write_text("by a command")
    assert "staged 2 from 1 and" in release("2", "staged", **ship("2", {7: 1}), prepare=[["true"]])["msg"]
    assert not (root / "releases" / "2" / "made").exists()


@pytest.mark.usefixtures("carried")
@pytest.mark.parametrize("in_memory", [True, False])
def test_what_travels_may_stay_in_memory(release, ship, store, root, monkeypatch, as_whole, in_memory):
    shipped = ship("2", {7: 1})
    seen = []
    monkeypatch.setattr(delta, "_take", lambda *given, take=delta._take: (seen.append(files(root)), take(*given)))
    result = release("2", "staged", in_memory=in_memory, **shipped)
    assert result["msg"].endswith(", in memory") == in_memory, result
    assert any("artifact" in name for name in seen[0]) != in_memory
    assert as_whole("2", shipped)


def files(root):
    return [path.name for path in (root / "staging").rglob("*")]


def test_what_does_not_fit_the_memory_goes_to_the_disk(release, ship):
    shipped = ship("1")
    shipped["size"] = 1 << 50
    assert "in memory" not in release("1", "staged", in_memory=True, **shipped)["msg"]


@pytest.mark.usefixtures("carried")
def test_commands_that_fail_leave_nothing(release, ship, root):
    result = release("2", "staged", **ship("2", {7: 1}), prepare=[["false"]])
    assert (result["failed"], result["kind"]) == (True, "command")
    assert sorted(path.name for path in (root / "releases").iterdir()) == ["1"]


@pytest.mark.parametrize(
    "harm",
    [
        {"index": {"url": "http://a/b", "sha256": "0" * 64}},
        {"size": 0},
        {"index": {"url": "ftp://a", "size": 1, "sha256": "0" * 64}},
    ],
)
def test_an_index_that_is_not_all_said_is_refused(release, ship, harm):
    result = release("1", "staged", **{**ship("1"), **harm})
    assert (result["failed"], result["kind"]) == (True, "bad_input")
