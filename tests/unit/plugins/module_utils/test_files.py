# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files are wholly old or wholly new, and a lock has one holder at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.golden.fleet.plugins.module_utils import _files


def test_what_was_written_is_read_back_and_nothing_else_is_left(tmp_path):
    path = str(tmp_path / "state.json")
    _files.atomic_write_json(path, {"number": 1})
    _files.atomic_write_json(path, {"number": 2}, mode=0o600)
    assert _files.read_json(path) == {"number": 2}
    assert os.listdir(tmp_path) == ["state.json"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_missing_file_reads_as_what_the_caller_says(tmp_path):
    assert _files.read_json(str(tmp_path / "none.json"), missing={}) == {}


def test_a_broken_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(_files.NotJsonError, match=r"state\.json"):
        _files.read_json(str(tmp_path / "state.json"))


def test_a_write_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    path = str(tmp_path / "state.json")
    _files.atomic_write_json(path, {"number": 1})

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        _files.atomic_write_json(path, {"number": 2})
    assert _files.read_json(path) == {"number": 1}
    assert os.listdir(tmp_path) == ["state.json"]


def test_what_a_killed_writer_left_is_no_hindrance(tmp_path):
    (tmp_path / "state.json.new").write_text('{"numb')
    (tmp_path / "current.new").symlink_to("nowhere")
    _files.atomic_write_json(str(tmp_path / "state.json"), {"number": 3})
    _files.replace_link(str(tmp_path / "current"), "releases/2")
    assert sorted(os.listdir(tmp_path)) == ["current", "state.json"]
    assert os.readlink(tmp_path / "current") == "releases/2"


def test_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "one").mkdir()
    link = str(tmp_path / "current")
    _files.replace_link(link, "one")
    _files.replace_link(link, "two")
    assert os.readlink(link) == "two"
    assert os.listdir(tmp_path / "one") == []


HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
import _files
with _files.locked(sys.argv[2], 1, "the first"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_waits_and_is_told_who_holds_it(tmp_path):
    path = str(tmp_path / ".lock")
    utils = os.path.dirname(_files.__file__)
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, utils, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(_files.LockBusyError, match=rf"the first \(process {first.pid}\)"),
            _files.locked(path, 0.1),
        ):
            pass
        first.kill()
        first.wait()
        with _files.locked(path, 1, "the second"):
            pass
    finally:
        first.kill()
        first.communicate()
