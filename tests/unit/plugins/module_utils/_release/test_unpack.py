# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an artifact may hold, and that nothing of it ever lands outside."""

from __future__ import annotations

import os
import stat
import tarfile

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import ArchiveError
from ansible_collections.golden.fleet.plugins.module_utils._release.unpack import unpack

from .conftest import file, tar_of


def link(name, target):
    return file(name, type=tarfile.SYMTYPE, linkname=target), b""


def hard(name, target):
    return file(name, type=tarfile.LNKTYPE, linkname=target), b""


def folder(name, mode=0o755):
    return file(name, mode, type=tarfile.DIRTYPE), b""


def text(name, content=b"text", mode=0o644):
    return file(name, mode), content


@pytest.fixture
def unpacked(tmp_path):
    def run(*members, compression="gz", max_bytes=10_000, max_files=20):
        (tmp_path / "outside").mkdir()
        into = tmp_path / "outside" / "tree"
        into.mkdir()
        archive = tmp_path / "artifact"
        archive.write_bytes(tar_of(list(members), compression))
        try:
            unpack(str(archive), str(into), max_bytes, max_files)
        finally:
            assert sorted(os.listdir(tmp_path / "outside")) == ["tree"], "something landed outside"
        return into

    return run


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_files_folders_and_links_come_out_as_they_went_in(unpacked, compression):
    tree = unpacked(
        folder("./", 0o775),
        text("./bin/run", b"#!/bin/sh\n", 0o4777),
        text("bin/private", b"mine", 0o600),
        folder("empty", 0o000),
        link("bin/start", "run"),
        link("current", "./bin/../bin"),
        hard("bin/same", "bin/run"),
        compression=compression,
    )
    assert (tree / "current/start").read_bytes() == b"#!/bin/sh\n"
    assert (tree / "bin/same").stat().st_ino == (tree / "bin/run").stat().st_ino
    modes = {name: stat.S_IMODE((tree / name).stat().st_mode) for name in (".", "bin/run", "bin/private", "empty")}
    assert modes == {".": 0o755, "bin/run": 0o755, "bin/private": 0o600, "empty": 0o700}


def test_a_file_keeps_its_time(unpacked):
    tree = unpacked((file("a", mtime=1_600_000_000), b"a"))
    assert (tree / "a").stat().st_mtime == 1_600_000_000


HOSTILE = {
    "an absolute path": [text("/etc/passwd")],
    "a way up": [text("../up")],
    "a way up in the middle": [text("a/../../up")],
    "dots that stay inside": [text("a/../b")],
    "an empty name": [text("")],
    "a link to an absolute path": [link("a", "/etc/passwd")],
    "a link that leads out": [link("a/b", "../../up")],
    "a link with no target": [link("a", "")],
    "a link through links that leads out": [
        folder("d/e/f"),
        link("d/e/f/up", "../../.."),
        link("out", "d/e/f/up/.."),
    ],
    "a file below a link": [link("a", "b"), folder("b"), text("a/c")],
    "a folder in place of a link": [link("a", "b"), folder("a")],
    "a file in place of a link": [link("a", "b"), text("a")],
    "a file twice": [text("a"), text("a")],
    "a file below a file": [text("a"), text("a/b")],
    "a hard link to the outside": [hard("a", "../up")],
    "a hard link to nothing": [hard("a", "b")],
    "a hard link to a link": [link("a", "b"), hard("c", "a")],
    "a hard link to a folder": [folder("a"), hard("c", "a")],
    "a character device": [(file("a", type=tarfile.CHRTYPE), b"")],
    "a block device": [(file("a", type=tarfile.BLKTYPE), b"")],
    "a pipe": [(file("a", type=tarfile.FIFOTYPE), b"")],
    "a kind that nobody knows": [(file("a", type=b"Z"), b"")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_members_are_refused_by_name(unpacked, members):
    with pytest.raises(ArchiveError) as raised:
        unpacked(*members)
    assert repr(members[-1][0].name.rstrip("/")) in str(raised.value)


BOMBS = {
    "one large file": ([text("a", b"0" * 10_001)], "'a': takes it over the limit of 10000 bytes"),
    "many that sum up": ([text(f"f{n}", b"0" * 4000) for n in range(3)], "'f2': takes it over"),
    "too many files": ([text(f"f{n}") for n in range(21)], "'f20': takes it over the limit of 20 files"),
    "too many folders": ([text("/".join("abcdefghijklmnopqrstuvwxyz"))], "limit of 20 files"),
    "a long way down": ([text("a/" * 3000 + "b")], "limit of 20 files"),
    "a name of megabytes": ([text("a" * 3_000_000)], "headers of one member"),
    "a comment of megabytes": (
        [(file("a", pax_headers={"comment": "0" * 3_000_000}), b"a")],
        "headers of one member",
    ),
}


@pytest.mark.parametrize(("members", "message"), BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_stopped(unpacked, members, message):
    with pytest.raises(ArchiveError, match=message):
        unpacked(*members)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>not found</html>" * 100, id="a page instead"),
        pytest.param(tar_of([text("a", b"0" * 5000)])[:-30], id="gzip that is cut"),
        pytest.param(tar_of([text("a", os.urandom(5000))], "bz2")[:-3000], id="bzip2 that is cut"),
        pytest.param(tar_of([text("a", os.urandom(5000))], "xz")[:-3000], id="xz that is cut"),
        pytest.param(tar_of([text("a", b"0" * 5000)], "")[:3000], id="tar that is cut"),
        pytest.param(b"\x1f\x8b" + b"0" * 500, id="gzip that is none"),
        pytest.param(b"BZh9" + b"0" * 500, id="bzip2 that is none"),
        pytest.param(b"\xfd7zXZ\0" + b"0" * 500, id="xz that is none"),
        pytest.param(tar_of([]), id="an archive of nothing"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "artifact").write_bytes(content)
    (tmp_path / "tree").mkdir()
    with pytest.raises(ArchiveError):
        unpack(str(tmp_path / "artifact"), str(tmp_path / "tree"), 10_000, 20)
