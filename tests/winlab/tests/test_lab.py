# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab tells others of its hosts, and what tests do without what they need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.winlab import Lab
from tests.winlab.pytest_plugin import skip_where_missing


def test_an_inventory_has_passwords_and_is_nobody_else_s_to_read_at_any_moment(tmp_path: Path) -> None:
    file = tmp_path / "made" / "hosts.yml"
    lab = Lab(1, folder=tmp_path / "lab")
    before = os.umask(0)
    try:
        lab.write_inventory(file)
        assert file.stat().st_mode & 0o777 == 0o600
        # One that others could read is no way in either.
        file.chmod(0o644)
        with file.open(encoding="utf-8") as opened:
            lab.write_inventory(file)
            assert opened.read() == yaml.safe_dump(lab.inventory(), sort_keys=False)
            assert os.fstat(opened.fileno()).st_nlink == 0
    finally:
        os.umask(before)
        lab.stop()
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_a_test_needs_may_be_missing_everywhere_but_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    skip_where_missing(None)
    with pytest.raises(pytest.skip.Exception, match="no mono"):
        skip_where_missing("no mono")
    monkeypatch.setenv("CI", "true")
    skip_where_missing(None)
    with pytest.raises(pytest.fail.Exception, match="CI must have what this test needs: no mono"):
        skip_where_missing("no mono")
