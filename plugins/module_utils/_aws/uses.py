# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who uses an AMI: instances, versions of launch templates, Auto Scaling groups. Pure functions over EC2's answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# How versions that are made here describe themselves. One that nothing points at is no use of its image.
OURS = "golden.fleet "


def tags_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """A resource's tags, by name."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags") or []}


def used_by(
    instances: Iterable[Mapping[str, Any]], versions: Iterable[Mapping[str, Any]], groups: Iterable[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Who uses each AMI, in words, by the AMI's id."""
    found: dict[str, list[str]] = {}
    for instance in instances:
        name = tags_of(instance).get("Name") or instance["InstanceId"]
        found.setdefault(instance.get("ImageId", ""), []).append(name)
    versions = list(versions)
    pointed = list(_pointed_at(groups, versions))
    for group, version in pointed:
        found.setdefault(image_of(version), []).append(f"group {group}")
    held = [version for _, version in pointed]
    for version in versions:
        ours = str(version.get("VersionDescription", "")).startswith(OURS)
        if version not in held and (version.get("DefaultVersion") or not ours):
            text = f"launch template {version['LaunchTemplateName']} version {version['VersionNumber']}"
            found.setdefault(image_of(version), []).append(text)
    return {image: sorted(set(users)) for image, users in found.items() if image}


def image_of(version: Mapping[str, Any]) -> str:
    """The AMI that a version of a launch template names; none where it names none."""
    return str(version.get("LaunchTemplateData", {}).get("ImageId") or "")


def specifications(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Each launch template and version that a group launches by; the main one first."""
    mixed = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    overrides = [one.get("LaunchTemplateSpecification") for one in mixed.get("Overrides") or []]
    found = [group.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification"), *overrides]
    return [specification for specification in found if specification]


def version_of(specification: Mapping[str, Any], versions: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The version that a specification means; one of ``versions``, or none of them."""
    template, name = specification.get("LaunchTemplateId"), specification.get("LaunchTemplateName")
    of_it = [one for one in versions if one["LaunchTemplateId"] == template or one["LaunchTemplateName"] == name]
    meant = specification.get("Version") or "$Default"
    if meant == "$Latest":
        return max(of_it, key=lambda one: one["VersionNumber"], default=None)
    if meant == "$Default":
        return next((one for one in of_it if one.get("DefaultVersion")), None)
    return next((one for one in of_it if str(one["VersionNumber"]) == meant), None)


def _pointed_at(
    groups: Iterable[Mapping[str, Any]], versions: list[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in groups:
        for specification in specifications(group):
            version = version_of(specification, versions)
            if version is not None:
                yield group["AutoScalingGroupName"], version
