# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to bake, what to launch from and what to remove, decided from the catalogue of a service's images. Pure.

An image is a dictionary, as every provider lists it: ``id``, ``image`` (the name that hosts are launched from it by),
``service``, ``key``, ``state`` (candidate, good, bad), ``made_at``, ``used_by`` (hosts) and ``record``: ``releases``
(version and sha256, the active one first), ``base``, ``inputs``, ``packages``, ``made_by`` and ``proof``. The newest
image comes first in every list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.plugin_utils._image_inputs import why
from ansible_collections.golden.fleet.plugins.plugin_utils._tables import aligned

Image = Mapping[str, Any]


class ImageError(Exception):
    """There is nothing to bake, or nothing to launch from; the message says what to do."""


def releases_for(
    found: Mapping[str, Mapping[str, Any]], contract: Mapping[str, Any], version: str = "", sha256: str = ""
) -> list[dict[str, str]]:
    """The releases that an image carries, each with version and sha256: the active one, then the ways back.

    ``found`` is the answer of ``release_info`` by member. They are those proven good on every member that answers, as
    many as a member keeps; active is ``version``, or what all members run. A ``version`` that no member has proven yet
    is refused, unless ``sha256`` says what is to come of it: then the image's own proof is the first.
    """
    answers = {member: answer for member, answer in found.items() if answer.get("reachable")}
    service = contract["service"]
    if not answers and not sha256:
        raise ImageError(f"{service}: none of its members can be reached, so what is good can't be known")
    good = _good_on_all(answers.values()) if answers else {}
    active = version or _active_on_all(service, answers)
    if active not in good and sha256:
        good[active] = sha256
    if active not in good:
        known = ", ".join(good) or "none"
        raise ImageError(f"{service} {active} was not proven good on every member; good on all of them: {known}")
    order = [active, *(name for name in reversed(good) if name != active)]
    return [{"version": name, "sha256": good[name]} for name in order[: contract["release"]["keep_good"]]]


def _good_on_all(answers: Any) -> dict[str, str]:
    """The sha256 of each version that is good on all, the oldest proven first."""
    each = [{r["version"]: r["sha256"] for r in answer["releases"] if r["state"] == "good"} for answer in answers]
    return {name: sha256 for name, sha256 in each[0].items() if all(other.get(name) == sha256 for other in each)}


def _active_on_all(service: str, answers: Mapping[str, Mapping[str, Any]]) -> str:
    active = {member: answer.get("active") or "nothing" for member, answer in answers.items()}
    if len(set(active.values())) > 1:
        seen = ", ".join(f"{member} runs {name}" for member, name in active.items())
        raise ImageError(f"{service}: members run different releases ({seen}); finish the rollout, or name a version")
    return next(iter(active.values()))


def plan(images: Sequence[Image], wanted: Mapping[str, Any], since: str = "") -> dict[str, Any]:
    """What to do for an image of the ``wanted`` key and inputs: ``act`` is keep, prove or bake; and why.

    A candidate made before ``since``, in the form of ``made_at``, is made anew: it may be why no proof comes to an end.
    """
    same = {image["state"]: image for image in images if image["key"] == wanted["key"]}
    if "good" in same:
        return {"act": "keep", "why": ["nothing that goes into it has changed"]}
    if "candidate" in same and same["candidate"]["made_at"] >= since:
        return {"act": "prove", "why": ["an earlier bake was cut off before its proof"]}
    if "candidate" in same:
        return {"act": "bake", "why": ["an earlier bake left one that was never proven"]}
    if "bad" in same:
        return {"act": "bake", "why": [f"the last one of the same inputs was bad: {_verdict(same['bad'])}"]}
    last = newest_good(images)
    reasons = why(last["record"].get("inputs") if last else None, wanted["inputs"])
    return {"act": "bake", "why": reasons or ["there is no good image of it yet"]}


def member_for(
    found: Mapping[str, Mapping[str, Any]], contract: Mapping[str, Any], pool: Mapping[str, Any], version: str
) -> str:
    """The member that an image is made from: one that a killed bake left out, else the first that serves ``version``.

    ``found`` is the answer of ``release_info`` by member, ``pool`` that of ``pool_info``. Raises ImageError.
    """
    service = contract["service"]
    seen = {member: pool["members"].get(member, {}) for member in contract["members"]}
    runs = [member for member in seen if found.get(member, {}).get("active") == version]
    left = [
        member
        for member in runs
        if str((seen[member].get("lease") or {}).get("rollout")).startswith(f"{service}-bake-")
    ]
    serves = [member for member in runs if seen[member].get("pool") == "online" and not seen[member].get("lease")]
    if not left and not serves:
        raise ImageError(f"{service}: no member that runs {version} is online, so none can be made an image of")
    return [*left, *serves][0]


def proof(host: Mapping[str, Any], gates: Mapping[str, Any], suite: Mapping[str, Any]) -> dict[str, Any]:
    """What a host launched from an image has proven it to be: ``passed``, and the ``message`` that says by what.

    ``host`` has the ``state`` of its systemd and its ``failed_units``; ``gates`` is the result of the action gate, and
    ``suite`` that of the command that ran the suite for images. Each was skipped where what comes before it failed.
    """
    if host["state"] != "running":
        return _refuted(f"systemd is {host['state']} on it; failed: {', '.join(host['failed_units'])}")
    if not gates["passed"]:
        return _refuted(gates["msg"])
    said = [line for line in suite["stdout"].splitlines() if line.strip()]
    if suite["rc"] != 0:
        return _refuted("\n".join(said))
    return {"passed": True, "message": f"{gates['msg']}; {said[-1]}"}


def _refuted(message: str) -> dict[str, Any]:
    return {"passed": False, "message": message}


def newest_good(images: Sequence[Image], version: str = "") -> Image | None:
    """The newest good image of a release, or of any."""
    good = (image for image in images if image["state"] == "good")
    return next((image for image in good if version in ("", active_release(image))), None)


def to_launch(images: Sequence[Image], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What hosts are to be launched from next: ``image``, empty where there is none; ``never``, images; and ``why``.

    ``found`` is the answer of ``release_info`` by member. It is the newest good image of the release that all of them
    run. Never is a bad image, or one of a release that any of them knows as bad.
    """
    answers = {member: answer for member, answer in found.items() if answer.get("reachable")}
    if not answers:
        raise ImageError("none of the members can be reached, so what they run can't be known")
    releases = [release for answer in answers.values() for release in answer["releases"]]
    bad = {release["version"] for release in releases if release["state"] == "bad"}
    never = [image for image in images if image["state"] == "bad" or active_release(image) in bad]
    active = sorted({answer.get("active") or "nothing" for answer in answers.values()})
    digests = {release["sha256"] for release in releases if release["version"] == active[0]}
    fitting = [
        image
        for image in images
        if image["state"] == "good" and image not in never and _active(image) in [(active[0], one) for one in digests]
    ]
    answer = {"image": "", "never": [image["image"] for image in never]}
    if len(active) > 1:
        return {**answer, "why": f"members run different releases ({', '.join(active)}), so no image is that of all"}
    if not fitting:
        return {**answer, "why": f"there is no good image of {active[0]}"}
    return {**answer, "image": fitting[0]["image"], "why": f"launched from {fitting[0]['key']}, of {active[0]}"}


def for_group(images: Sequence[Image], pinned: str, version: str = "") -> dict[str, str]:
    """What a group is to be launched from: ``image`` and its ``version``, or ``problem`` where there is none.

    It is the newest good image of ``version``, or else of the release that the group is ``pinned`` at by an image; of a
    group that was never pinned, the newest good one of all.
    """
    now = next((image for image in images if image["image"] == pinned), None)
    if pinned and now is None and not version:
        return {
            "problem": f"it launches from {pinned}, which the catalogue doesn't know: say of which release it is to be"
        }
    wanted = version or (active_release(now) if now else "")
    fitting = newest_good(images, wanted)
    if fitting is None:
        of = f" of {wanted}" if wanted else ""
        return {"problem": f"there is no good image{of} (there are of: {good_releases(images)}): bake one"}
    return {"problem": "", "image": fitting["image"], "version": active_release(fitting)}


def good_releases(images: Sequence[Image]) -> str:
    """Of which releases there are good images, in words."""
    return ", ".join(sorted({active_release(image) for image in images if image["state"] == "good"})) or "none"


def _active(image: Image) -> tuple[str, str]:
    """The version and the sha256 of the release that is active in an image."""
    releases = image["record"].get("releases") or [{}]
    return active_release(image), str(releases[0].get("sha256"))


def active_release(image: Image) -> str:
    releases = image["record"].get("releases") or [{}]
    return str(releases[0].get("version", "?"))


def to_remove(images: Sequence[Image], keep: int, since: str = "9") -> list[Image]:
    """Those of one service that go: beyond the last ``keep`` good ones and the last bad one, and what no proof came to.

    One that a host was launched from stays, and a candidate made after ``since``, in the form of ``made_at``.
    """
    good = [image for image in images if image["state"] == "good"][:keep]
    bad = [image for image in images if image["state"] == "bad"][:1]
    young = [image for image in images if image["state"] == "candidate" and image["made_at"] >= since]
    return [image for image in images if image not in (*good, *bad, *young) and not image["used_by"]]


def stale(image: Image, base: str) -> bool:
    """Whether the image that it was made from is another one by now."""
    return bool(base) and image["record"].get("base") not in ("", None, base)


def table(images: Sequence[Image], base: str = "") -> list[str]:
    """The catalogue as lines of text, a line for each image."""
    heads = ["service", "key", "state", "release", "also carries", "made from", "made", "by", "in use by", ""]
    return aligned([heads, *(_row(image, base) for image in images)])


def _row(image: Image, base: str) -> list[str]:
    record = image["record"]
    others = [str(release.get("version")) for release in record.get("releases", [])[1:]]
    state = _verdict(image) if image["state"] == "bad" else ""
    return [
        image["service"],
        image["key"],
        image["state"],
        active_release(image),
        ", ".join(others) or "-",
        str(record.get("from") or (record.get("parents") or ["role"])[-1]),
        image["made_at"][:19],
        str(record.get("made_by", "-")),
        ", ".join(image["used_by"]) or "-",
        "stale: its base image has changed" if stale(image, base) else state,
    ]


def _verdict(image: Image) -> str:
    """The first words of what was said of it when it was proven."""
    return str(image["record"].get("proof", {}).get("message") or "nothing is known of it").partition("\n")[0][:200]


def package_changes(older: Image, newer: Image) -> list[str]:
    """The packages that differ between two images, a line each: added, removed, or from one version to another."""
    before, after = older["record"].get("packages", {}), newer["record"].get("packages", {})
    lines = []
    for name in sorted({*before, *after}):
        if before.get(name) == after.get(name):
            continue
        if name not in before:
            lines.append(f"+ {name} {after[name]}")
        elif name not in after:
            lines.append(f"- {name} {before[name]}")
        else:
            lines.append(f"~ {name} {before[name]} -> {after[name]}")
    return lines


def parse_packages(text: str) -> dict[str, str]:
    """Versions by name, out of ``dpkg-query -W``."""
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
