# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._gate import files
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import LimitError, collect, matches


@pytest.mark.parametrize(
    ("name", "pattern", "does"),
    [
        ("a.xml", "*.xml", True),
        ("a.XML", "*.xml", False),
        ("deep/a.xml", "*.xml", False),
        ("deep/a.xml", "*/*.xml", True),
        ("a.xml", "**/*.xml", True),
        ("deep/deeper/a.xml", "**/*.xml", True),
        ("deep/deeper/a.xml", "deep/**/*.xml", True),
        ("other/deeper/a.xml", "deep/**/*.xml", False),
        ("deep/a.xml", "deep/**", True),
        ("deep", "deep/**", False),
        (".hidden.xml", "*.xml", True),
        ("TEST-a.xml", "TEST-[ab].xml", True),
        ("a.xml", "./a.xml", True),
        ("a.xmlx", "*.xml", False),
    ],
)
def test_patterns(name, pattern, does):
    assert matches(name, pattern) is does


def test_patterns_where_names_know_no_case():
    assert matches("Deep/Result.TRX", "deep/*.trx", any_case=True)


def test_files_are_collected_by_name_and_others_left_alone(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("deep/b.xml", "a.xml", "notes.txt"):
        (tmp_path / name).write_text(name)
    assert collect(str(tmp_path), "**/*.xml") == ([("a.xml", b"a.xml"), ("deep/b.xml", b"deep/b.xml")], [])


def test_where_none_matches_some_of_the_others_are_named(tmp_path):
    assert collect(str(tmp_path), "*.xml") == ([], [])
    for number in range(7):
        (tmp_path / f"{number}.html").write_text("")
    assert collect(str(tmp_path), "*.xml") == ([], [f"{number}.html" for number in range(5)])


def test_nothing_but_regular_files_is_read(tmp_path):
    """A link could lead to anything that whoever reads may read, and a pipe would never end."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.xml").write_text("secret")
    place = tmp_path / "results"
    place.mkdir()
    (place / "link.xml").symlink_to(secret / "s.xml")
    (place / "folder").symlink_to(secret)
    (place / "nowhere.xml").symlink_to("/nowhere")
    (place / "folder.xml").mkdir()
    os.mkfifo(place / "pipe.xml")
    assert collect(str(place), "**/*.xml") == ([], [])


def test_names_are_shown_whatever_bytes_are_in_them(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"\x1b[31m\xff.xml"), "wb") as file:
        file.write(b"x")
    ((name, data),) = collect(str(tmp_path), "*.xml").files
    assert (name, data) == (r"'\x1b[31m\udcff.xml'", b"x")


def test_files_over_the_limit_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BYTES_LIMIT", 2 << 20)
    for name in ("a.xml", "b.xml"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 20)
    assert len(collect(str(tmp_path), "*.xml").files) == 2
    (tmp_path / "c.xml").write_text("x")
    with pytest.raises(LimitError, match=r"with c\.xml the results are more than the limit of 2 MiB"):
        collect(str(tmp_path), "*.xml")


def test_of_a_file_over_the_limit_no_more_is_read_than_shows_it(tmp_path):
    with (tmp_path / "a.xml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LimitError, match=r"with a\.xml"):
        collect(str(tmp_path), "*.xml")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FILES_LIMIT", 3)
    for number in range(4):
        (tmp_path / f"{number}.xml").write_text("")
    with pytest.raises(LimitError, match="4 files of results are more than the limit of 3"):
        collect(str(tmp_path), "*.xml")
