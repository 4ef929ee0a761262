# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which release a service whose hosts are replaced can go back to: one with hosts kept, or a good image. Pure.

``releases`` is the answer of ``release_info`` by member, ``pool`` that of ``pool_info``, ``images`` the catalogue of
the service, the newest first.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._images import active_release
from ansible_collections.golden.fleet.plugins.plugin_utils._scale import kept_aside

Releases = Mapping[str, Mapping[str, Any]]


class NoWayBackError(Exception):
    """The service can't go back as asked; the message lists what can be had."""


def choose(
    service: str, asked: str, releases: Releases, pool: Mapping[str, Any], images: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """``version``, the one to go back to, and ``left``, those that are left by that. NoWayBackError.

    It is the one asked for, or the newest one that is older than what serves; half way between two, the older of them.
    """
    serving = _serving(pool)
    can_be_had = _can_be_had(releases, pool, images)
    others = {version: how for version, how in can_be_had.items() if version not in serving or len(serving) > 1}
    listed = "; ".join(f"{version} ({how})" for version, how in others.items()) or "nothing"
    if asked:
        if asked not in {*can_be_had, *serving}:
            raise NoWayBackError(
                f"{service} can't go back to {asked}: {_why_not(asked, releases, images)}; can be had: {listed}"
            )
        return {"version": asked, "left": sorted(serving - {asked})}
    moments = {version: _proven(version, releases, images) for version in {*can_be_had, *serving}}
    if len(serving) > 1:
        version = min(serving - _bad(releases) or serving, key=lambda name: moments[name])
        return {"version": version, "left": sorted(serving - {version})}
    now = min((moments[version] for version in serving), default=_NEVER)
    older = [version for version in others if moments[version] < now]
    if not older:
        raise NoWayBackError(
            f"{service} has neither hosts kept aside nor a good image of a release older than"
            f" {', '.join(serving) or 'what serves'}; can be had by naming it: {listed}"
        )
    return {"version": max(older, key=lambda name: moments[name]), "left": sorted(serving)}


# Later than every moment in ISO 8601.
_NEVER = "~"


def _serving(pool: Mapping[str, Any]) -> set[str]:
    aside = kept_aside(pool)
    return {
        seen["version"]
        for name, seen in pool["members"].items()
        if seen.get("version")
        and name not in aside
        and any(one["recorded"] == "online" for one in seen["balancers"].values())
    }


def _can_be_had(releases: Releases, pool: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """How each release that isn't bad can be had: by hosts that are kept, or by an image."""
    bad = _bad(releases)
    kept: dict[str, list[Mapping[str, Any]]] = {}
    for keeping in kept_aside(pool).values():
        kept.setdefault(str(keeping["version"]), []).append(keeping)
    found = {version: f"{len(group)} hosts kept {_until(group)}" for version, group in kept.items()}
    for image in images:
        if image["state"] == "good":
            found.setdefault(active_release(image), f"the image {image['key']}")
    return {version: how for version, how in found.items() if version not in bad}


def _until(group: Sequence[Mapping[str, Any]]) -> str:
    until = min(keeping["until"] for keeping in group)
    return f"until {datetime.datetime.fromtimestamp(until, tz=datetime.timezone.utc):%H:%M:%SZ}"


def _bad(releases: Releases) -> set[str]:
    """The releases that any member knows as bad."""
    return {
        release["version"]
        for found in releases.values()
        for release in found.get("releases", [])
        if release["state"] == "bad"
    }


def _proven(version: str, releases: Releases, images: Sequence[Mapping[str, Any]]) -> str:
    """When the release was first proven good, as far as members and images tell."""
    moments = [
        str(release["good_at"])
        for found in releases.values()
        for release in found.get("releases", [])
        if release["version"] == version and release.get("good_at")
    ]
    moments += [image["made_at"] for image in images if active_release(image) == version]
    return min((moment[:19] for moment in moments), default=_NEVER)


def _why_not(version: str, releases: Releases, images: Sequence[Mapping[str, Any]]) -> str:
    if version in _bad(releases):
        return "it was marked bad"
    states = sorted({image["state"] for image in images if active_release(image) == version})
    if states:
        return f"no host of it is kept, and its image is {' and '.join(states)}"
    return "no host of it is kept, and there is no image of it"
