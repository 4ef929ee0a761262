# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes releases and half-made things. A release leaves its place in one step before it is taken apart."""

from __future__ import annotations

import os
from contextlib import suppress

from .._files import sync_directory
from .layout import Layout


def remove(path: str) -> None:
    """Removes a file or a whole folder, as far as it can be; what is left is found by the next ``tidy``."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


def tidy(layout: Layout) -> None:
    """Removes what a killed run left: half-made things, and records of releases that aren't there."""
    for name in os.listdir(layout.staging):
        remove(f"{layout.staging}/{name}")
    there = {f"{version}.json" for version in os.listdir(layout.releases)}
    for name in os.listdir(layout.records):
        if name not in there:
            remove(f"{layout.records}/{name}")


def remove_releases(layout: Layout, versions: list[str]) -> None:
    """Removes staged releases, their records last: a record without a release is nothing, the reverse is a release."""
    for version in versions:
        os.rename(layout.release(version), f"{layout.staging}/removed.{version}")
    sync_directory(layout.releases)
    for version in versions:
        remove(f"{layout.staging}/removed.{version}")
        remove(layout.record(version))
