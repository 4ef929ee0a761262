# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.haproxy import Fleet, fleet_fixture


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    yield from fleet_fixture("lb1")
