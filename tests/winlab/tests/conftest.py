# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.winlab import Host
from tests.winlab.pytest_plugin import *  # noqa: F403  # fixtures and hooks, found here by their names


@pytest.fixture
def host() -> Iterator[Host]:
    """A fresh one that nobody connects to."""
    made = Host()
    yield made
    made.stop()
