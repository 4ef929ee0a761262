# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names that become folders, groups and addresses: what they may look like. Standard library only, runs anywhere."""

from __future__ import annotations

import re

_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def _seen(name: object) -> str:
    """``name`` as an error shows it: quoted, and cut where it would fill the screen."""
    text = repr(str(name)) if isinstance(name, str) else repr(name)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(str(name))} characters)"


def check_service(name: object) -> str:
    """``name``, where it can name a service: its group, its role and its folder alike. Raises ValueError."""
    if isinstance(name, str) and _SERVICE.fullmatch(name):
        return str(name)
    raise ValueError(
        f"{_seen(name)} is no name for a service: 1 to 64 small letters, digits and underscores, a letter first"
    )


def check_version(name: object) -> str:
    """``name``, where it can name a version: a folder on a host and in the store. Raises ValueError."""
    if isinstance(name, str) and _VERSION.fullmatch(name) and ".." not in name:
        return str(name)
    hint = "; a number must be quoted" if isinstance(name, (int, float)) and not isinstance(name, bool) else ""
    raise ValueError(
        f"{_seen(name)} is no version name: 1 to 64 letters, digits and . _ + -, "
        f"a letter or digit first, no two dots in a row{hint}"
    )
