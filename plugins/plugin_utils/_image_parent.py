# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an image can be made from the service's newest good one instead of from a bare host. Pure.

It is the same image only where what differs is written over what was there: a template of a role, which is rendered
anew by the same task, and releases, which are staged and pruned as on any host. Whatever else may leave something
behind, a task that is gone above all, so that such an image starts from a bare host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._images import Image, newest_good

# Each one adds layers, in which there is still what later ones have removed.
MOST_PARENTS = 5


def parent_for(
    images: Sequence[Image], wanted: Mapping[str, Any], releases: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The image to make one of the ``wanted`` key and inputs from: ``image``, empty for a bare host, and ``parents``.

    ``releases`` are those that it is to carry, the active one first; ``images`` are all of the service, the newest
    first. ``parents`` are the keys of the images that it then descends from, the oldest first.
    """
    bare = {"image": "", "parents": []}
    last = newest_good(images)
    # What was wrong with one of the same inputs may have come from its parent.
    spoilt = any(image["key"] == wanted["key"] and image["state"] == "bad" for image in images)
    if last is None or spoilt or last["record"].get("from"):
        return bare
    parents = [*last["record"].get("parents", []), last["key"]]
    before = last["record"].get("inputs") or {}
    if len(parents) > MOST_PARENTS or not _is_written_over(before, wanted["inputs"]):
        return bare
    return {"image": last["image"], "parents": parents} if _end_as(last, releases) else bare


def _is_written_over(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    differing = [name for name in {*before, *now} if before.get(name) != now.get(name)]
    return bool(before) and all(
        _is_release(name) or (name in before and name in now and _is_template(name)) for name in differing
    )


def _is_release(name: str) -> bool:
    return name == "active release" or name.startswith("release ")


def _is_template(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) > 3 and parts[0] == "roles" and parts[2] == "templates"


def _end_as(last: Image, releases: Sequence[Mapping[str, str]]) -> bool:
    """Whether bringing in the new releases and keeping the last ones leaves those wanted, proven in the same order.

    A host never prunes its only way back.
    """
    held = [(one["version"], one["sha256"]) for one in reversed(last["record"].get("releases", []))]
    wanted = [(one["version"], one["sha256"]) for one in reversed(releases)]
    after = [*held, *(one for one in wanted if one not in held)]
    return after[-len(wanted) :] == wanted and (len(wanted) > 1 or after == wanted)
