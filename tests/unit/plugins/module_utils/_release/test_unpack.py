# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an artifact may hold, and that nothing of it ever lands outside."""

from __future__ import annotations

import os
import stat
import struct
import tarfile
import zipfile

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import ArchiveError
from ansible_collections.golden.fleet.plugins.module_utils._release.unpack import unpack

from .conftest import file, tar_of, zip_member, zip_of


def link(name, target):
    return file(name, type=tarfile.SYMTYPE, linkname=target), b""


def hard(name, target):
    return file(name, type=tarfile.LNKTYPE, linkname=target), b""


def folder(name, mode=0o755):
    return file(name, mode, type=tarfile.DIRTYPE), b""


def text(name, content=b"text", mode=0o644):
    return file(name, mode), content


def zipped(name, content=b"text", mode=0o100644, **fields):
    return zip_member(name, mode, **fields), content


def archive_of(members, compression="gz"):
    """A zip where the members are a zip's, a tar otherwise."""
    if members and isinstance(members[0][0], zipfile.ZipInfo):
        return zip_of(list(members))
    return tar_of(list(members), compression)


@pytest.fixture
def unpacked(tmp_path):
    def run(*members, compression="gz", max_bytes=10_000, max_files=20, patch=None):
        (tmp_path / "outside").mkdir()
        into = tmp_path / "outside" / "tree"
        into.mkdir()
        archive = tmp_path / "artifact"
        content = archive_of(members, compression)
        archive.write_bytes(patch(content) if patch else content)
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


def test_a_zip_comes_out_as_it_went_in(unpacked):
    tree = unpacked(
        zipped("bin/", b"", 0o40775),
        zipped("bin/run", b"#!/bin/sh\n" * 50, 0o104777),
        zipped("bin/private", b"mine", 0o100600),
        zipped("plain", b"as it is", compress_type=zipfile.ZIP_STORED),
        zipped("from/windows", b"no mode", 0, create_system=0, external_attr=0x20),
        zipped("empty/", b"", 0, create_system=0, external_attr=0x10),
        zipped("B\u00fccher", b"a name of another tongue"),
        zipped("PLAIN", b"another file than plain"),
    )
    found = {path.relative_to(tree).as_posix() for path in tree.rglob("*")}
    assert found == {"B\u00fccher", "PLAIN", "plain", "empty", "from", "from/windows", "bin", "bin/run", "bin/private"}
    assert ((tree / "plain").read_bytes(), (tree / "PLAIN").read_bytes()) == (b"as it is", b"another file than plain")
    assert (tree / "bin/run").read_bytes() == b"#!/bin/sh\n" * 50
    modes = {name: stat.S_IMODE((tree / name).stat().st_mode) for name in ("bin", "bin/run", "bin/private", "empty")}
    assert modes == {"bin": 0o755, "bin/run": 0o755, "bin/private": 0o600, "empty": 0o755}
    assert stat.S_IMODE((tree / "from/windows").stat().st_mode) == 0o644


@pytest.mark.parametrize("member", [(file("a", mtime=1_600_000_000), b"a"), zipped("a")], ids=["tar", "zip"])
def test_a_file_keeps_its_time(unpacked, member, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    tree = unpacked(member)
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
    "zip: an absolute path": [zipped("/etc/passwd")],
    "zip: a way up": [zipped("../up")],
    "zip: a way up in the middle": [zipped("a/../../up")],
    "zip: dots that stay inside": [zipped("a/../b")],
    "zip: an empty name": [zipped("a"), zipped("")],
    "zip: a name that is a slash": [zipped("/", b"", 0o40755)],
    "zip: a folder that leads out": [zipped("../up/", b"", 0o40755)],
    "zip: a null in the name": [zipped("a\0b")],
    "zip: a drive": [zipped("C:/Windows/System32/evil.dll")],
    "zip: a drive's current folder": [zipped("c:evil.dll")],
    "zip: backslashes": [zipped("a\\..\\..\\up")],
    "zip: another machine's share": [zipped("\\\\host\\share\\up")],
    "zip: a file twice": [zipped("a"), zipped("a")],
    "zip: a file twice, by another way": [zipped("a/b"), zipped("./a//b")],
    "zip: a file below a file": [zipped("a"), zipped("a/b")],
    "zip: a folder in place of a file": [zipped("a"), zipped("a/", b"", 0o40755)],
    "zip: a link": [zipped("a", b"/etc/passwd", 0o120777)],
    "zip: a link named as a folder": [zipped("a/", b"/etc/passwd", 0o120777)],
    "zip: a character device": [zipped("a", b"", 0o20644)],
    "zip: a pipe": [zipped("a", b"", 0o10644)],
    "zip: a folder named as a file": [zipped("a", b"", 0o40755)],
    "zip: a file named as a folder": [zipped("a/", b"", 0o100644)],
    "zip: a folder with content": [zipped("a/", b"text", 0o40755)],
    "zip: a compression that Windows can't read": [zipped("a", compress_type=zipfile.ZIP_BZIP2)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_members_are_refused_by_name(unpacked, members):
    with pytest.raises(ArchiveError) as raised:
        unpacked(*members)
    last = members[-1][0]
    name = last.filename if isinstance(last, zipfile.ZipInfo) else last.name
    assert repr(name.rstrip("/") or name) in str(raised.value)


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
    "zip: one large file": ([zipped("a", b"0" * 10_001)], "'a': takes it over the limit of 10000 bytes"),
    "zip: many that sum up": ([zipped(f"f{n}", b"0" * 4000) for n in range(3)], "'f2': takes it over"),
    "zip: too many files": ([zipped(f"f{n}") for n in range(21)], "lists more than the limit of 20 files"),
    "zip: too many folders": ([zipped("/".join("abcdefghijklmnopqrstuvwxyz"))], "limit of 20 files"),
    "zip: comments of megabytes": ([zipped(f"f{n}", comment=b"0" * 65_000) for n in range(18)], "lists more than"),
}


@pytest.mark.parametrize(("members", "message"), BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_stopped(unpacked, members, message):
    with pytest.raises(ArchiveError, match=message):
        unpacked(*members)


def claim(**claims):
    """Has the headers of the only member say something else: ``size``, ``compressed``, ``flags``."""

    def patch(content):
        listed = content.rindex(b"PK\x01\x02")
        changed = bytearray(content)
        for field, value in claims.items():
            form, in_list, in_front = {"size": ("<I", 24, 22), "compressed": ("<I", 20, 18), "flags": ("<H", 8, 6)}[
                field
            ]
            struct.pack_into(form, changed, listed + in_list, value)
            struct.pack_into(form, changed, in_front, value)
        return bytes(changed)

    return patch


@pytest.mark.parametrize(
    ("content", "claims", "message"),
    [
        pytest.param(b"0" * 9_000_000, {"size": 5}, "isn't a whole zip", id="more than the header says"),
        pytest.param(b"0" * 50, {"size": 5000}, "isn't a whole zip|holds 50 bytes", id="less than the header says"),
        pytest.param(b"0" * 50, {"size": 2**32 - 2}, "'a': takes it over", id="a header of gigabytes"),
        pytest.param(b"0" * 50, {"flags": 1}, "'a': is encrypted", id="encrypted"),
        pytest.param(b"0" * 50, {"flags": 64}, "'a': is encrypted", id="encrypted strongly"),
    ],
)
def test_a_zips_headers_are_not_believed(unpacked, tmp_path, content, claims, message):
    with pytest.raises(ArchiveError, match=message):
        unpacked(zipped("a", content), patch=claim(**claims))
    assert sum(path.stat().st_size for path in tmp_path.rglob("tree/*")) <= 10_000


def test_any_byte_of_a_zip_may_be_broken(tmp_path):
    """Whatever a broken zip makes Python's zipfile say, it is the artifact's error and no crash."""
    whole = zip_of([zipped("folder/one", b"1" * 300), zipped("two", b"2", compress_type=zipfile.ZIP_STORED)])
    refused = 0
    for place in range(4, len(whole)):
        for value in {0x00, 0xFF, whole[place] ^ 0x01}:
            (tmp_path / "artifact").write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            into = tmp_path / f"tree-{place}-{value}"
            into.mkdir()
            try:
                unpack(str(tmp_path / "artifact"), str(into), 10_000, 20)
            except ArchiveError:
                refused += 1
    assert refused > len(whole)


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
        pytest.param(zip_of([zipped("a", os.urandom(5000))])[:-40], id="zip that is cut"),
        pytest.param(zip_of([zipped("a", os.urandom(5000))])[500:], id="zip without its beginning"),
        pytest.param(b"PK\x03\x04" + b"0" * 500, id="zip that is none"),
        pytest.param(zip_of([]), id="a zip of nothing"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "artifact").write_bytes(content)
    (tmp_path / "tree").mkdir()
    with pytest.raises(ArchiveError):
        unpack(str(tmp_path / "artifact"), str(tmp_path / "tree"), 10_000, 20)
