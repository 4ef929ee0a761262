# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the catalogues of images have in common, whoever the provider is that keeps them."""

from __future__ import annotations

from typing import Any

# What an image is: made and not proven yet; proven, for hosts to be launched from; proven wrong, and kept aside.
STATES = ("candidate", "good", "bad")
_KINDS = {"releases": list, "inputs": dict, "packages": dict, "parents": list, "proof": dict}


def fits(record: Any) -> bool:
    """Whether it is made as a record is, so that whoever reads it finds what they reach for."""
    if not isinstance(record, dict):
        return False
    kinds = all(isinstance(record.get(name, kind()), kind) for name, kind in _KINDS.items())
    return kinds and all(isinstance(release, dict) for release in record.get("releases", []))
