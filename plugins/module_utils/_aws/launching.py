# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which image an Auto Scaling group launches from: a version of a launch template for each image, by its number.

A group that follows ``$Latest`` or ``$Default`` would launch from whatever was made last, by whomever; one that is
pinned to a number goes back by being given an older number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import filters, pages
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import PREFIX
from ansible_collections.golden.fleet.plugins.module_utils._aws.uses import (
    OURS,
    image_of,
    specifications,
    tags_of,
    version_of,
)

# On a group whose launches were stopped here, so that nobody else's stop is lifted.
_HELD = f"{PREFIX}held"
_LAUNCH = "Launch"


class LaunchError(Exception):
    """A group can't be pointed at an image; the message says what stands against it."""


@dataclasses.dataclass(frozen=True)
class Standing:
    """What a launch template and a group, where there is one, launch from."""

    template: Mapping[str, Any]
    versions: Sequence[Mapping[str, Any]]
    group: Mapping[str, Any] | None

    @property
    def followed(self) -> Mapping[str, Any] | None:
        """What the group says of the template and its version."""
        mine = (self.template["LaunchTemplateId"], self.template["LaunchTemplateName"])
        said = specifications(self.group) if self.group is not None else []
        of_it = (one for one in said if one.get("LaunchTemplateId", one.get("LaunchTemplateName")) in mine)
        return next(of_it, None)

    @property
    def current(self) -> Mapping[str, Any] | None:
        """The version that the group launches from, or that is the template's default where there is no group."""
        return version_of(self.followed or {"LaunchTemplateId": self.template["LaunchTemplateId"]}, self.versions)

    @property
    def held(self) -> bool:
        return self.group is not None and _HELD in tags_of(self.group)

    def shown(self) -> dict[str, Any]:
        """What is told of it, before and after a change."""
        current = self.current
        return {
            "template": self.template["LaunchTemplateName"],
            "version": current["VersionNumber"] if current else 0,
            "image": image_of(current) if current else "",
            "group": self.group["AutoScalingGroupName"] if self.group is not None else "",
            "pinned": self.pinned(current["VersionNumber"]) if current else False,
            "held": self.held,
        }

    def pinned(self, number: int) -> bool:
        """Whether default and group are at this version, the group by its number."""
        default = any(one["VersionNumber"] == number and one.get("DefaultVersion") for one in self.versions)
        return default and (self.followed is None or self.followed.get("Version") == str(number))


def fitting(versions: Iterable[Mapping[str, Any]], current: Mapping[str, Any], image: str) -> int | None:
    """The newest version that is the current one with this image in its place; None where that has to be made."""
    wanted = _data(current) | {"ImageId": image}
    return max((one["VersionNumber"] for one in versions if _data(one) == wanted), default=None)


def _data(version: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(version.get("LaunchTemplateData", {}))
    if "MetadataOptions" in data:
        # How far EC2 is with applying them is no setting.
        data["MetadataOptions"] = {name: value for name, value in data["MetadataOptions"].items() if name != "State"}
    return data


class Launching:
    """One service's launch template and group; ``ec2`` and ``autoscaling`` are boto3's clients."""

    def __init__(self, ec2: Any, autoscaling: Any, template: str, group: str) -> None:
        self._ec2 = ec2
        self._autoscaling = autoscaling
        self._template = template
        self._group = group

    def standing(self) -> Standing | None:
        """What there is; None without a launch template of the name. Raises LaunchError for a group without it."""
        chosen = filters({"launch-template-name": [self._template]})
        template = next(pages(self._ec2, "describe_launch_templates", "LaunchTemplates", Filters=chosen), None)
        group = self._described_group()
        if template is None:
            if group is not None:
                raise LaunchError(f"the group {self._group} is there, and no launch template {self._template}")
            return None
        versions = pages(
            self._ec2,
            "describe_launch_template_versions",
            "LaunchTemplateVersions",
            LaunchTemplateId=template["LaunchTemplateId"],
        )
        standing = Standing(template, list(versions), group)
        if group is not None and standing.followed is None:
            raise LaunchError(f"the group {self._group} doesn't launch by the launch template {self._template}")
        return standing

    def point(self, standing: Standing, image: str) -> None:
        """Has the template's default and the group be at a version that names the image.

        Whatever it dies after, what was made is found and used by the next run.
        """
        number = self._version(standing, image)
        template = standing.template["LaunchTemplateId"]
        if not any(one["VersionNumber"] == number and one.get("DefaultVersion") for one in standing.versions):
            self._ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(number))
        if standing.group is None:
            return
        if not standing.pinned(number):
            self._autoscaling.update_auto_scaling_group(
                AutoScalingGroupName=self._group, **_pointed(standing.group, template, str(number))
            )
        if standing.held:
            self._autoscaling.resume_processes(AutoScalingGroupName=self._group, ScalingProcesses=[_LAUNCH])
            self._autoscaling.delete_tags(Tags=[self._held_tag()])

    def hold(self) -> None:
        """Has the group launch nothing until it is pointed at an image; what it has goes on."""
        self._autoscaling.create_or_update_tags(
            Tags=[{**self._held_tag(), "Value": "nothing good to launch from", "PropagateAtLaunch": False}]
        )
        self._autoscaling.suspend_processes(AutoScalingGroupName=self._group, ScalingProcesses=[_LAUNCH])

    def _version(self, standing: Standing, image: str) -> int:
        current = standing.current
        if current is None:
            raise LaunchError(f"the launch template {self._template} has no default version to follow")
        found = fitting(standing.versions, current, image)
        if found is not None:
            return found
        made = self._ec2.create_launch_template_version(
            LaunchTemplateId=standing.template["LaunchTemplateId"],
            SourceVersion=str(current["VersionNumber"]),
            VersionDescription=f"{OURS}{image}",
            LaunchTemplateData=self._request(current) | {"ImageId": image},
        )
        return int(made["LaunchTemplateVersion"]["VersionNumber"])

    def _request(self, version: Mapping[str, Any]) -> dict[str, Any]:
        """A version's data as far as a request can say it; the rest EC2 takes over from the source version itself."""
        shape = self._ec2.meta.service_model.shape_for("RequestLaunchTemplateData")
        return {name: value for name, value in _data(version).items() if name in shape.members}

    def _described_group(self) -> Mapping[str, Any] | None:
        if not self._group:
            return None
        asked = {"AutoScalingGroupNames": [self._group]}
        return next(pages(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", **asked), None)

    def _held_tag(self) -> dict[str, Any]:
        return {"ResourceId": self._group, "ResourceType": "auto-scaling-group", "Key": _HELD}


def _pointed(group: Mapping[str, Any], template: str, number: str) -> dict[str, Any]:
    """What of the group is to be replaced; the rest of a policy of several instance types stays as it is."""
    wanted = {"LaunchTemplateId": template, "Version": number}
    mixed = group.get("MixedInstancesPolicy")
    if not mixed:
        return {"LaunchTemplate": wanted}
    launch = mixed["LaunchTemplate"]
    if any(override.get("LaunchTemplateSpecification") for override in launch.get("Overrides") or []):
        raise LaunchError(
            f"the group {group['AutoScalingGroupName']} overrides the launch template for some instance types: "
            "which image those are to launch from can't be said here"
        )
    return {"MixedInstancesPolicy": {**mixed, "LaunchTemplate": {**launch, "LaunchTemplateSpecification": wanted}}}
