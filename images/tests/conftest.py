# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells a host that can't be reached from one that fails a test: only the second says something of the image."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testinfra.backend.base import CommandResult

# ssh's own status, which is no status of what was run.
_SSH_FAILED = 255
# How pytest ends where it was cut off.
_INTERRUPTED = 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    try:
        return (yield)
    except RuntimeError as error:
        seen = error.args[0] if error.args else None
        if not isinstance(seen, CommandResult) or seen.rc != _SSH_FAILED:
            raise
        said = " ".join(seen.stderr.split())
        pytest.exit(f"the host can't be reached any more: {said}", returncode=_INTERRUPTED)
